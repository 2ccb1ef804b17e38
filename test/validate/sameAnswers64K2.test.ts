import { sameAnswers } from './support/sameAnswersSuite.ts';

// 10,000 sequences in two files, which two workers play at once.
sameAnswers(65536, { first: 21, last: 40 });
