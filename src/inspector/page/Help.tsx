/** Every key, over the page. */
import { signal } from '@preact/signals';
import { commands } from './commands.ts';

/** Whether the help lies over the page. */
export const isHelpOpen = signal(false);

/** The table of keys. */
export function Help() {
  if (!isHelpOpen.value) return null;
  return (
    <dialog open class="help" aria-label="keys">
      <h2>Keys</h2>
      <table>
        <tbody>
          {commands().map(({ keys, says }) => (
            <tr key={keys[0]}>
              <th scope="row">
                {keys.map((key) => (
                  <kbd key={key}>{key === ' ' ? 'space' : key}</kbd>
                ))}
              </th>
              <td>{says}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button onClick={() => (isHelpOpen.value = false)}>close</button>
    </dialog>
  );
}
