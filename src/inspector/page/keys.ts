/** What every key does: one table, which the help shows and the handler obeys. */

/** A command of the keyboard. */
export interface KeyCommand {
  /** As `KeyboardEvent.key` has it, with `Shift+`, `Alt+` or `Control+` before it. */
  readonly keys: readonly string[];
  readonly says: string;
  readonly run: () => void;
}

/**
 * The name of a key press, as the table has it. Shift is named only where the key itself does not show it.
 *
 * @example
 * ```ts
 * keyName({ key: 'ArrowLeft', shiftKey: true, altKey: false, ctrlKey: false, metaKey: false }); // 'Shift+ArrowLeft'
 * keyName({ key: '?', shiftKey: true, altKey: false, ctrlKey: false, metaKey: false }); // '?'
 * ```
 */
export function keyName(press: {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}): string {
  const { key, shiftKey, altKey, ctrlKey, metaKey } = press;
  const control = ctrlKey || metaKey ? 'Control+' : '';
  const shift = shiftKey && key.length > 1 ? 'Shift+' : '';
  return `${control}${altKey ? 'Alt+' : ''}${shift}${key}`;
}

/** Whether a key press belongs to a field that is being typed into. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Lets a table of commands have the keyboard; returns how to take it back. */
export function listenToKeys(commands: () => readonly KeyCommand[]): () => void {
  const onKey = (press: KeyboardEvent): void => {
    const name = keyName(press);
    if (name === 'Escape' && press.target instanceof HTMLElement && isTyping(press.target)) press.target.blur();
    // With Control a key is no letter to be typed.
    if (isTyping(press.target) && !name.startsWith('Control+')) return;
    const found = commands().find(({ keys }) => keys.includes(name));
    if (found === undefined) return;
    press.preventDefault();
    found.run();
  };
  globalThis.addEventListener('keydown', onKey);
  return () => globalThis.removeEventListener('keydown', onKey);
}
