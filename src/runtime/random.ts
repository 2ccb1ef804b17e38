/** The generator of every seeded choice, which workloads draw from as well (`src/mm/seededRandom.ts`). */
export { type RandomState, SeededRandom } from '../mm/seededRandom.ts';
