/** The reflected polynomial of CRC-32 as zip, gzip and Ethernet use it. */
const POLYNOMIAL = 0xedb88320;

const TABLE = buildTable();

function buildTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    table[i] = value >>> 0;
  }
  return table;
}

/**
 * CRC-32 of bytes (polynomial 0xedb88320, start and final xor 0xffffffff), as an unsigned 32-bit number. It finds every
 * flipped byte. It is here because browsers offer none.
 *
 * @example
 * ```ts
 * crc32(new TextEncoder().encode('123456789')).toString(16); // 'cbf43926'
 * ```
 */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    value = (value >>> 8) ^ (TABLE[(value ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  }
  return (value ^ 0xffffffff) >>> 0;
}
