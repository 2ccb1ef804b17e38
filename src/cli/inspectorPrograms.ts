/** Programs that measure the inspector from inside its page: text, since they are run there and not here. */

/**
 * Waits until the page can be used: events are listed, a state is shown, and lanes are drawn. Comes to the milliseconds since
 * the page was asked for.
 */
export const READY = `(async () => {
  const drawn = () => {
    const canvas = document.querySelector('canvas.lanes');
    if (canvas === null || canvas.width < 300) return false;
    const { data } = canvas.getContext('2d').getImageData(180, 18, canvas.width - 200, Math.min(300, canvas.height - 20));
    const [red, green, blue] = data;
    let coloured = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue) > 60) coloured += 1;
    }
    return coloured > 500;
  };
  const listed = () => document.querySelectorAll('.events tbody tr').length > 0;
  const shown = () => document.querySelectorAll('[role=tree] [role=treeitem]').length > 3;
  while (!(listed() && shown() && drawn())) {
    await new Promise(requestAnimationFrame);
    if (performance.now() > 60000) throw new Error('the page shows nothing: ' + document.body.innerText.slice(0, 400));
  }
  return [performance.now()];
})()`;

/**
 * Goes to the place HASH, waits until it is drawn, and turns the wheel sideways with every frame for PAN_MS milliseconds, to and
 * fro. Comes to the milliseconds between drawings of the lanes; a frame without one is counted to the next.
 */
export const PAN = `(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  location.hash = 'HASH';
  for (const end = performance.now() + 1500; performance.now() < end; ) await frame();
  const canvas = document.querySelector('canvas.lanes');
  const box = canvas.getBoundingClientRect();
  const turn = (deltaX) => canvas.dispatchEvent(new WheelEvent('wheel', {
    deltaX, clientX: box.left + 600, clientY: box.top + 60, bubbles: true, cancelable: true,
  }));
  const context = canvas.getContext('2d');
  const paint = context.fillRect;
  let drawings = 0;
  // A drawing begins with the paper.
  context.fillRect = (x, y, width, height) => {
    if (x === 0 && y === 0 && height > 100) drawings += 1;
    paint.call(context, x, y, width, height);
  };
  const times = [];
  let last = await frame();
  let drawn = drawings;
  for (let at = 0, end = last + PAN_MS; last < end; at += 1) {
    turn(at % 200 < 100 ? 6 : -6);
    const now = await frame();
    if (drawings === drawn && now < end) continue;
    times.push(now - last);
    last = now;
    drawn = drawings;
  }
  context.fillRect = paint;
  return times;
})()`;

/**
 * Goes to the place HASH and presses the right arrow COUNT times, each once the state after the one before is shown. Comes to the
 * milliseconds from each press until every open level of the state is that of the new event.
 */
export const STEPS = `(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const levels = () => [...document.querySelectorAll('[role=tree] [data-seq]')];
  const shows = (seq) => levels().length > 1 && levels().every((level) => level.dataset.seq === String(seq));
  location.hash = 'HASH';
  const begin = Number(/seq=(\\d+)/.exec('HASH')[1]);
  for (const end = performance.now() + 60000; !shows(begin); await frame()) {
    if (performance.now() > end) throw new Error('no state of ' + begin + ' is shown: ' + location.hash);
  }
  const times = [];
  for (let seq = begin + 1; seq <= begin + COUNT; seq += 1) {
    const shown = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('no state of ' + seq + ' is shown: ' + location.hash)), 30000);
      const tree = document.querySelector('[role=tree]');
      const observer = new MutationObserver(() => {
        if (!shows(seq)) return;
        observer.disconnect();
        resolve(performance.now());
      });
      observer.observe(tree, { attributes: true, childList: true, subtree: true });
    });
    const pressed = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
    times.push((await shown) - pressed);
    await frame();
    await frame();
  }
  return times;
})()`;
