import { z } from 'zod';
import { lineAt, type Problem, type ProjectFile } from '../../support/tree.ts';

/** What may lie at the top of the tree, dotfiles aside. */
const TOP_LEVEL = new Set(
  `machines src fixtures test docs README.md CHANGELOG.md LICENSE
  package.json package-lock.json vitest.config.ts biome.json`.split(/\s+/),
);

/** The parts of package.json that rules read. */
const MANIFEST = z.object({
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

/** Reads package.json: the versions asked for by name, at run time and for development. */
export function readManifest(file: ProjectFile): z.infer<typeof MANIFEST> {
  return MANIFEST.parse(JSON.parse(file.text));
}

/** The top level holds what the house lists and nothing else. */
export function topLevelIsListed(paths: readonly string[]): Problem[] {
  const names = [...new Set(paths.map((path) => path.split('/')[0] ?? ''))];
  const strange = names.filter(
    (name) => !name.startsWith('.') && !/^tsconfig[a-z.]*\.json$/.test(name) && !TOP_LEVEL.has(name),
  );
  return strange.map((path) => {
    return { path, line: 1, what: 'lies at the top of the tree', remedy: 'Find the folder it belongs to' };
  });
}

/** Every dependency, XState above all, is pinned to one version: internals that replay rests on change in patches. */
export function dependenciesArePinned(file: ProjectFile): Problem[] {
  const manifest = readManifest(file);
  const all = Object.entries({ ...manifest.devDependencies, ...manifest.dependencies });
  return all.flatMap(([name, version]) => {
    if (/^\d+\.\d+\.\d+$/.test(version)) return [];
    const line = lineAt(file.text, file.text.indexOf(`"${name}":`));
    return [{ path: file.path, line, what: `asks for ${name} ${version}`, remedy: 'Name one exact version' }];
  });
}

/** The lock file names no place to download from: whoever installs uses their own registry. */
export function lockNamesNoHost(file: ProjectFile): Problem[] {
  return file.text.split('\n').flatMap((line, index) => {
    if (!/"resolved"\s*:|https?:\/\/[^"]*\.tgz/.test(line)) return [];
    const remedy = 'Run npm install --omit-lockfile-registry-resolved';
    return [{ path: file.path, line: index + 1, what: 'names the host of a package', remedy }];
  });
}

const LOCK = z.object({
  packages: z.record(z.string(), z.object({ optionalDependencies: z.record(z.string(), z.string()).optional() })),
});

/**
 * The lock file has an entry for every optional dependency, for platforms other than this one too. npm leaves out those
 * that a registry does not hold, and `npm ci` then refuses the whole file.
 */
export function lockIsComplete(file: ProjectFile): Problem[] {
  const { packages } = LOCK.parse(JSON.parse(file.text));
  return Object.entries(packages).flatMap(([path, entry]) => {
    const names = Object.keys(entry.optionalDependencies ?? {});
    const missing = names.filter(
      (name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
    );
    const line = lineAt(file.text, file.text.indexOf(`"${path}": {`));
    return missing.map((name) => {
      const remedy = 'Restore its entry (version, os, cpu, optional), or npm ci fails';
      return { path: file.path, line, what: `has no entry for ${name}, which ${path} may need`, remedy };
    });
  });
}
