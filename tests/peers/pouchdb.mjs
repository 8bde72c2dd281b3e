// PouchDB, as its guide sets it up: `serve FOLDER` is express-pouchdb over LevelDB; `push URL FOLDER RECORDS` writes as many
// documents as there are lines in the file RECORDS into a local database, replicates them, and says how long that took.
import express from 'express';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');
const [command, ...words] = process.argv.slice(2);

if (command === 'serve') {
  const [folder] = words;
  mkdirSync(folder, { recursive: true });
  const Local = PouchDB.defaults({ prefix: `${folder}/` });
  const expressPouchDB = require('express-pouchdb');
  const app = express();
  app.use('/', expressPouchDB(Local, { logPath: `${folder}/log.txt`, configPath: `${folder}/config.json` }));
  const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
} else if (command === 'push') {
  const [url, folder, records] = words;
  mkdirSync(folder, { recursive: true });
  const local = new PouchDB(`${folder}/phone`);
  const documents = readFileSync(records, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  await local.bulkDocs(documents.map((document, n) => ({ _id: String(n).padStart(8, '0'), ...document })));
  const remote = new PouchDB(`${url}/district`);
  const begun = process.hrtime.bigint();
  const done = await local.replicate.to(remote);
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  if (done.docs_written !== documents.length) throw new Error(`${done.docs_written} of ${documents.length} were written`);
  console.log(JSON.stringify({ seconds }));
  process.exit(0);
} else {
  throw new Error(`no command '${command}': serve or push`);
}
