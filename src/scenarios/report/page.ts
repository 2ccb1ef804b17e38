/** Style and script of the page of a report. Nothing is loaded from anywhere. */

/**
 * Colours of lines after Okabe and Ito, Color universal design, which eyes of every kind tell apart; darker on white, lighter on
 * black.
 */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--box:#f6f8fa;--link:#0550ae;
--line-0:#0072b2;--line-1:#b34700;--line-2:#00775a;--line-3:#9a4f80;--line-4:#7a6000;--line-5:#3b6f9e;--line-6:#444;--line-7:#8a3b12;
--breaks:#b34700;--costs:#7a6000;--holds:#00775a;--policy:#0072b2;--cannot:#57606a}
@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--soft:#9198a1;--rule:#30363d;--box:#161b22;--link:#79c0ff;
--line-0:#56b4e9;--line-1:#f08c3c;--line-2:#33c9a0;--line-3:#dd9cc4;--line-4:#f0e442;--line-5:#8fb8de;--line-6:#ccc;--line-7:#e0a080;
--breaks:#f08c3c;--costs:#e3c84a;--holds:#33c9a0;--policy:#56b4e9;--cannot:#9198a1}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.05rem;margin:0 0 .4rem}h2 a{margin-right:.4rem}
a{color:var(--link)}section{border-top:1px solid var(--rule);padding:1.1rem 0}
.lead{margin:.2rem 0}.note{color:var(--soft);font-size:.85rem;margin:.4rem 0;overflow-wrap:anywhere}
ul{margin:.4rem 0;padding-left:1.2rem}
.badge{display:inline-block;border:1px solid currentColor;border-radius:.6rem;padding:0 .5rem;font-size:.8rem;font-weight:600;
white-space:nowrap}
.breaks{color:var(--breaks)}.costs{color:var(--costs)}.holds{color:var(--holds)}.policy-decides{color:var(--policy)}
.cannot-be-modelled,.undecided{color:var(--cannot)}
.event{font:12px/1.3 ui-monospace,monospace;color:var(--link);background:var(--box);border:1px solid var(--rule);border-radius:.3rem;
padding:.05rem .35rem;cursor:pointer;max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;vertical-align:middle}
.event:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:1px}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}
tbody tr{border-top:1px solid var(--rule)}.number{text-align:right;white-space:nowrap}thead th{color:var(--soft);font-weight:500}
.counts{display:flex;flex-wrap:wrap;gap:.4rem 1.2rem;list-style:none;padding:0}.overview td:first-child{white-space:nowrap}
figure{margin:.8rem 0}figcaption{color:var(--soft);font-size:.85rem}svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}.grid{stroke:var(--rule)}.line{fill:none;stroke-width:2}
input{font:inherit;width:18rem;max-width:100%;background:var(--box);color:inherit;border:1px solid var(--rule);border-radius:.3rem;
padding:0 .4rem}
code{font:.9em ui-monospace,monospace}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
#said{position:fixed;right:1rem;bottom:1rem;margin:0;padding:.3rem .7rem;border-radius:.4rem;background:var(--box);
border:1px solid var(--rule)}
#said:empty{display:none}`;

/** A click copies the command; with the address of an inspector it opens the event there. */
export const PAGE_SCRIPT = `
const said=document.getElementById('said'),address=document.getElementById('address');let timer=0;
const say=(words)=>{said.textContent=words;clearTimeout(timer);timer=setTimeout(()=>{said.textContent=''},4000)};
document.addEventListener('click',(event)=>{const button=event.target.closest('.event');if(!button)return;
const base=address.value.trim().replace(/#.*$/,'');
if(/^https?:/.test(base)&&button.dataset.seq){open(base+'#seq='+button.dataset.seq,'_blank','noopener');return}
const {command}=button.dataset;const fails=()=>say(command);
if(navigator.clipboard)navigator.clipboard.writeText(command).then(()=>say('copied: '+command),fails);else fails()});`;
