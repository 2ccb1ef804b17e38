/**
 * Random sequences of calls: a 64K process on a 4K kernel sees what it sees on a 64K kernel.
 *
 * @models S-22 S-38 S-44 S-46 X-01
 */
import { sameAnswers } from './support/sameAnswersSuite.ts';

// 10,000 sequences in two files, which two workers play at once.
sameAnswers(65536, { first: 1, last: 20 });
