// Which files are in a tar?

const textOf = (bytes) => new TextDecoder().decode(bytes).split("\0")[0];

// [path, content] of each.
export function* filesOf(tar) {
  let longPath = "";
  for (let at = 0; tar[at]; ) {
    const field = (start, length) => textOf(tar.subarray(at + start, at + start + length));
    const size = parseInt(field(124, 12), 8);
    const content = tar.subarray(at + 512, at + 512 + size);
    if (field(156, 1) === "L") longPath = textOf(content); // of the file that follows
    else {
      yield [longPath || field(0, 100), content];
      longPath = "";
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
