// The error of who loses a race is heard
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
const bad = async () => { throw new Error('x'); };
(async () => {
  log(await Promise.race([Promise.resolve('won'), bad()]));
  setImmediate(() => log('nothing was unheard'));
})();
