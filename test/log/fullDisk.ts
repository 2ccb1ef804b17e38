/** Disks that are full after so many bytes. */
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { vi } from 'vitest';

function full(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}

/** Synchronous writes, as logs use them, get `bytes` bytes onto the disk altogether, until the answer is disposed of. */
export function fillDiskOfLogs(bytes: number): Disposable {
  const real = fs.writeSync.bind(fs);
  let left = bytes;
  const write = (file: number, data: Uint8Array, at: number, length: number): number => {
    const taken = Math.min(left, length);
    if (taken === 0 && length > 0) throw full();
    left -= taken;
    return real(file, data, at, taken);
  };
  const spy = vi.spyOn(fs, 'writeSync').mockImplementation(write as typeof fs.writeSync);
  // Modules that import * from node:fs see the change only after this.
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      spy.mockRestore();
      syncBuiltinESMExports();
    },
  };
}

/** Writes through file handles, as traces use them; `anyFile` is opened to get at the class of handles. */
export async function fillDiskOfTraces(anyFile: string, bytes: number): Promise<Disposable> {
  const handle = await open(anyFile);
  const handles = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const real = handles.write;
  let left = bytes;
  const spy = vi.spyOn(handles, 'write').mockImplementation(async function (
    this: typeof handle,
    data: Uint8Array,
    at = 0,
    length = 0,
    position: number | null = null,
  ) {
    const taken = Math.min(left, length);
    if (taken === 0 && length > 0) throw full();
    left -= taken;
    return Reflect.apply(real, this, [data, at, taken, position]);
  } as typeof handle.write);
  return { [Symbol.dispose]: () => spy.mockRestore() };
}
