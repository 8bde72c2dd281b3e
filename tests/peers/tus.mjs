// tus, as its guides set it up: `serve FOLDER` is @tus/server over @tus/file-store; `push URL FILES…` uploads each file whole
// with tus-js-client, one after the other, and says how long that took.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import { Upload } from 'tus-js-client';

const [command, ...words] = process.argv.slice(2);

if (command === 'serve') {
  const tus = new Server({ path: '/files', datastore: new FileStore({ directory: words[0] }) });
  const server = createServer(tus.handle.bind(tus));
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/files`));
} else if (command === 'push') {
  const [endpoint, ...files] = words;
  const begun = process.hrtime.bigint();
  for (const file of files) {
    await new Promise((resolve, reject) => {
      const size = statSync(file).size;
      const upload = new Upload(createReadStream(file), {
        endpoint, uploadSize: size, chunkSize: size, metadata: { filename: file }, onSuccess: resolve, onError: reject,
      });
      upload.start();
    });
  }
  console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - begun) / 1e9 }));
} else {
  throw new Error(`no command '${command}': serve or push`);
}
