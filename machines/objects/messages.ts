/**
 * What passes between the system-call boundary and those who own memory that a process may map and no page cache has:
 * the kernel's own objects (`object`) and devices (`driver:NAME`). To an mm both look like a file: MAP_FILE, GET_PAGES,
 * UNMAP_FILE.
 */
import type { ObjectRequest } from '../../src/mm/objects/mapping.ts';
import type { DeviceCall, ObjectAreaWish, ObjectCall } from '../../src/mm/runs.ts';

/** Every message of mapped objects. */
export type ObjectMessage =
  /** `file` is the name that the adapter gave to it; `pageBytes` the page of the caller's ABI. */
  | { type: 'CREATE_OBJECT'; file: string; request: number; pageBytes: number; call: ObjectCall }
  /** Of an AIO ring `mapBytes` is what the kernel maps for it at once; 0 of others. */
  | { type: 'OBJECT_CREATED'; request: number; errno: number; mapBytes: number }
  | { type: 'MAP_OBJECT'; file: string; request: number; pageBytes: number; mapping: ObjectRequest }
  | {
      type: 'OBJECT_MAPPED';
      request: number;
      errno: number;
      /** What the handler wants of the area; nothing where there is an errno. */
      area: ObjectAreaWish;
    }
  | { type: 'IOCTL'; file: string; request: number; pageBytes: number; call: DeviceCall }
  | { type: 'IOCTL_DONE'; request: number; result: number; errno: number };
