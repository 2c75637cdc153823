// A file that is not there raises at the await
const log = s => console.log(String(s));
const fs = require('fs').promises;
(async () => { try { await fs.readFile(__filename + '.none'); } catch (e) { log('missing'); } await null; log('goes on'); })();
