/** Messages of operations that go over both tables of an mm in two steps. */

/** What an MMU tells itself between the steps; walks may come before it. */
export type TwoTablesMessage = { type: 'TABLES_STEP' };
