// A file's answer overtakes a long hash
// why: files and hashes share one pool of four threads
// source: libuv docs/src/threadpool.rst (default size 4, UV_THREADPOOL_SIZE)
const log = s => console.log(s);
const crypto = require('node:crypto'), fs = require('node:fs');
crypto.pbkdf2('p', 's', 1000000, 32, 'sha512', () => log('hash'));
fs.stat('.', () => log('file'));
