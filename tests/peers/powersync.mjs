// PowerSync's core, as @powersync/node ships it: `apply FOLDER RECORDS` applies as many rows as there are lines in the file RECORDS, in
// the lines that its service sends (a checkpoint, data a thousand rows at a time, a checkpoint that is complete), and says how long that
// took. There is no network in it, and nothing is verified but the sum of the rows' checksums.
import Database from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROWS_A_LINE = 1000;
const [command, folder, records] = process.argv.slice(2);
if (command !== 'apply') throw new Error(`no command '${command}': apply`);

const rows = readFileSync(records, 'utf8').trim().split('\n');
const library = `libpowersync_${arch() === 'arm64' ? 'aarch64' : 'x64'}.linux.so`;
const db = new Database(`${folder}/powersync.sqlite`);
db.loadExtension(fileURLToPath(new URL(`node_modules/@powersync/node/lib/${library}`, import.meta.url)), 'sqlite3_powersync_init');
// As its SDK opens a database.
for (const pragma of ['journal_mode = WAL', 'synchronous = NORMAL', 'journal_size_limit = 6291456']) db.pragma(pragma);
const inTransaction = (statement, ...values) => db.transaction(() => db.prepare(statement).get(...values))();
inTransaction('SELECT powersync_init()');
const columns = Object.keys(JSON.parse(rows[0])).map((name) => ({ name, type: 'TEXT' }));
const schema = { tables: [{ name: 'cases', columns, indexes: [] }] };
inTransaction('SELECT powersync_replace_schema(?)', JSON.stringify(schema));

// Whatever they are: the service makes them, and only their sum is checked.
const checksums = rows.map((row, n) => (row.length * 2654435761 + n) >>> 0);
const bucket = { bucket: 'district', checksum: checksums.reduce((sum, one) => (sum + one) % 2 ** 32, 0), priority: 3, count: rows.length };
const lines = [{ checkpoint: { last_op_id: String(rows.length), buckets: [bucket], streams: [] } }];
for (let start = 0; start < rows.length; start += ROWS_A_LINE) {
  const data = rows.slice(start, start + ROWS_A_LINE).map((row, n) => ({
    op_id: String(start + n + 1),
    op: 'PUT',
    object_type: 'cases',
    object_id: String(start + n).padStart(8, '0'),
    checksum: checksums[start + n],
    data: row,
  }));
  const end = start + data.length;
  lines.push({ data: { bucket: 'district', has_more: end < rows.length, after: String(start), next_after: String(end), data } });
}
lines.push({ checkpoint_complete: { last_op_id: String(rows.length) } });

const control = db.prepare('SELECT powersync_control(?, ?) AS said');
const tell = db.transaction((operation, argument) => control.get(operation, argument).said);
const sent = lines.map((line) => JSON.stringify(line));
tell('start', JSON.stringify({ schema }));
const begun = process.hrtime.bigint();
for (const line of sent) tell('line_text', line);
const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
const { count } = db.prepare('SELECT count(*) AS count FROM cases').get();
if (count !== rows.length) throw new Error(`${count} of ${rows.length} rows are there`);
console.log(JSON.stringify({ seconds }));
