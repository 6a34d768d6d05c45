// The version of a package: many do not export their package.json.

import { readFileSync } from 'node:fs';

const file = new URL(`node_modules/${process.argv[2]}/package.json`, import.meta.url);
console.log(JSON.parse(readFileSync(file, 'utf8')).version);
