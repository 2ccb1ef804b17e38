/**
 * Random sequences of calls: a 16K process on a 4K kernel sees what it sees on a 16K kernel.
 *
 * @models S-22 S-38 S-44 S-46 X-01
 */
import { sameAnswers } from './support/sameAnswersSuite.ts';

sameAnswers(16384, { first: 41, last: 44 });
