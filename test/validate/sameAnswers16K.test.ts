import { sameAnswers } from './support/sameAnswersSuite.ts';

sameAnswers(16384, { first: 41, last: 44 });
