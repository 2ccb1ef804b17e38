/** One address space without the rest of the world: frames, disk and mappers answer at once, or when they are told to. */
import { takeMessage } from '../../../machines/file.ts';
import { type FileContext, type FileInput, initialFile } from '../../../machines/fileState.ts';
import type { Message, MessageOf, MessageType } from '../../../machines/messages.ts';
import { ResourceHolder } from '../../../machines/support.ts';
import { defaultCosts } from '../../../src/arch/costs.ts';
import { faultAround } from '../../../src/mm/faultAround.ts';

/** A message on its way. */
interface Sent {
  to: string;
  message: Message;
}

/** An address space with its surroundings. */
export class FileWorld {
  file: FileContext;
  /** References by frame; what a mapping or a pin holds is among them. */
  readonly refs = new Map<number, number>();
  readonly answers: Sent[] = [];
  /** Dirty pages that an mm reports when it is asked to unmap, by mm. */
  readonly dirtyOnUnmap = new Map<string, number[]>();
  /** Frames that an mm maps, by page. */
  readonly mapped = new Map<string, Map<number, number>>();
  framesLeft = Number.MAX_SAFE_INTEGER;
  private nextPfn = 1 << 20;
  private readonly queue: Sent[] = [];

  constructor(input: Partial<FileInput>) {
    const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
    const base = { resources, path: 'a', sizeBytes: 2 ** 22, kernelPageBytes: 4096 };
    this.file = initialFile({ ...base, policy: 'drop-and-re-read', ...input });
  }

  /** Gives the file a message and answers everything it asks for, until it rests. */
  tell(message: Message): Sent[] {
    const before = this.answers.length;
    this.give(message);
    for (let sent = this.queue.shift(); sent !== undefined; sent = this.queue.shift()) this.deliver(sent);
    return this.answers.slice(before);
  }

  /** The answer of a type to a message. */
  ask<T extends MessageType>(type: T, message: Message): MessageOf<T> {
    const found = this.tell(message).find((sent) => sent.message.type === type);
    if (found === undefined) throw new Error(`${message.type} was not answered with ${type}`);
    return found.message as MessageOf<T>;
  }

  /** A mapping of the whole file by an mm. */
  map(mm: string, orderPages: number): MessageOf<'MAPPED'> {
    const file = this.file.path;
    if (!this.mapped.has(mm)) this.mapped.set(mm, new Map());
    return this.ask('MAPPED', { type: 'MAP_FILE', file, request: 7, mm, orderPages, createBytes: -1 });
  }

  /** A fault of a process of an order at a page; what comes is mapped. */
  fault(mm: string, orderPages: number, index: number, write = false, vmFlags = 0): MessageOf<'PAGES'> {
    const { kernelPageBytes, path: file } = this.file;
    const pageBytes = kernelPageBytes * 2 ** orderPages;
    const vma = { startVa: 0, endVa: Math.max(2 ** 22, this.file.sizeBytes) };
    const around = !write && pageBytes < 65536;
    const va = index * kernelPageBytes;
    const page = Math.floor(va / pageBytes) * pageBytes;
    const window = around ? faultAround(va, vma, pageBytes) : { startVa: page, endVa: page + pageBytes };
    const pages = this.ask('PAGES', {
      ...({ type: 'GET_PAGES', file, mm, request: 9, index, orderPages, write, around, vmFlags } as const),
      firstIndex: window.startVa / kernelPageBytes,
      endIndex: window.endVa / kernelPageBytes,
    });
    const table = this.mapped.get(mm) ?? new Map<number, number>();
    this.mapped.set(mm, table);
    for (const run of pages.runs) {
      for (let at = 0; at < run.nr; at++) {
        if (table.has(run.index + at)) this.put(run.pfn + at);
        else table.set(run.index + at, run.pfn + at);
      }
    }
    return pages;
  }

  /** The last mapping of an mm goes. */
  release(mm: string): void {
    for (const pfn of this.mapped.get(mm)?.values() ?? []) this.put(pfn);
    this.mapped.delete(mm);
    this.tell({ type: 'UNMAP_FILE', file: this.file.path, mm });
  }

  /** Frames in use. */
  get frames(): number {
    return [...this.refs.values()].filter((refs) => refs > 0).length;
  }

  private give(message: Message): void {
    this.file = takeMessage(this.file, message, (to, sent) => {
      this.queue.push({ to, message: sent });
    });
  }

  private deliver({ to, message }: Sent): void {
    if (to === 'zone') this.zone(message);
    else if (to === 'disk') this.give({ type: 'IO_DONE', request: 1 });
    else if (message.type === 'UNMAP_RANGE') this.unmap(to, message);
    else if (message.type !== 'IO_WAIT') this.answers.push({ to, message });
  }

  private unmap(mm: string, { file, request, firstIndex, endIndex }: MessageOf<'UNMAP_RANGE'>): void {
    const table = this.mapped.get(mm) ?? new Map<number, number>();
    for (const [index, pfn] of table) {
      if (index < firstIndex || index >= endIndex) continue;
      table.delete(index);
      this.put(pfn);
    }
    const dirtyIndexes = this.dirtyOnUnmap.get(mm) ?? [];
    this.dirtyOnUnmap.delete(mm);
    this.give({ type: 'RANGE_UNMAPPED', file, mm, request, dirtyIndexes });
  }

  private put(pfn: number): void {
    const refs = (this.refs.get(pfn) ?? 0) - 1;
    if (refs < 0) throw new Error(`frame ${pfn} is put once too often`);
    this.refs.set(pfn, refs);
  }

  private zone(message: Message): void {
    if (message.type === 'ALLOC') {
      const { orderPages, count, request } = message;
      const span = 2 ** orderPages;
      if (count * span > this.framesLeft) {
        this.give({ type: 'NO_MEMORY', request });
        return;
      }
      this.framesLeft -= count * span;
      const pfns: number[] = [];
      for (let folio = 0; folio < count; folio++) {
        const pfn = Math.ceil(this.nextPfn / span) * span;
        this.nextPfn = pfn + span;
        for (let page = pfn; page < pfn + span; page++) this.refs.set(page, 1);
        pfns.push(pfn);
      }
      this.give({ type: 'FRAMES', request, orderPages, pfns });
    } else if (message.type === 'GET') {
      for (const { pfn, nr } of message.runs) {
        for (let page = pfn; page < pfn + nr; page++) this.refs.set(page, (this.refs.get(page) ?? 0) + 1);
      }
      this.give({ type: 'GOT', request: message.request });
    } else if (message.type === 'PUT') {
      for (const { pfn, nr } of message.runs) for (let page = pfn; page < pfn + nr; page++) this.put(page);
    }
  }
}
