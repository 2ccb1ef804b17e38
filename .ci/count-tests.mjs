// Prints "N passed, N failed" from the JSON report of the test runner, and exits 1 unless all passed. A test file that
// could not be loaded holds no tests that could fail, so it counts as one failure itself. No report: nothing was run.
import { existsSync, readFileSync } from 'node:fs';

const [, , path] = process.argv;
const nothing = { numPassedTests: 0, numFailedTests: 0, testResults: [] };
const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : nothing;
const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
const failed = report.numFailedTests + unloaded.length;
console.log(`${report.numPassedTests} passed, ${failed} failed`);
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0;
