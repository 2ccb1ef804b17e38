/**
 * What a page cache does with a page that has failed (`mm/memory-failure.c:me_pagecache_clean`, `me_pagecache_dirty`): it lets the
 * folio go, and remembers an error where data was lost. What lives in memory alone keeps its place, so that nobody reads zeroes.
 *
 * @models D-18
 */
import { dropFolios } from '../fileDrop.ts';
import { type FileContext, inMemory } from '../fileState.ts';
import type { MessageOf } from '../messages.ts';
import { mayDropNow } from '../reclaim/fileShrink.ts';
import { reviseFile } from '../revise.ts';
import type { Send } from '../support.ts';

/**
 * Lets a page go.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const fail = { type: 'FAIL_PAGE' as const, file: 'a', sender: 'hwpoison', request: 1, pfn: 5, dirty: false, keepDirty: false };
 * const sent: boolean[] = [];
 * failPage(file, fail, (_to, message) => sent.push(message.dropped));
 * sent; // [false]
 * ```
 */
export function failPage(context: FileContext, event: MessageOf<'FAIL_PAGE'>, send: Send): FileContext {
  const { sender, request, pfn, keepDirty } = event;
  const folio = context.cache.range().find((each) => pfn >= each.pfn && pfn < each.pfn + 2 ** each.order);
  const dirty = event.dirty || folio?.dirty === true;
  const stays = folio === undefined || inMemory(context) || (keepDirty && dirty);
  const busy = !stays && !mayDropNow(context);
  const dropped = !stays && !busy;
  send(sender, { type: 'PAGE_FAILED', request, dirty, inMemory: inMemory(context), dropped, busy });
  if (!dropped) return context;
  const state = dropFolios(context, [folio], true, send).context;
  if (!dirty) return state;
  return reviseFile(state, (draft) => {
    draft.lostData = true;
  });
}
