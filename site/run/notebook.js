// What does a page know of its notebook, and what does a reader take away?

export class Notebook {
  constructor(content, name) {
    this.content = content;
    this.name = name;
  }

  static async load(folder, name) {
    let response;
    try {
      response = await fetch(`${folder}${name}.ipynb`);
    } catch {
      throw new Error("The network is gone, or the site does not answer. Try again.");
    }
    if (!response.ok) throw new Error("The site has changed since you opened this page. Reload it.");
    return new Notebook(await response.json(), name);
  }

  // {number, source, mayFail, instead} of each code cell
  get codeCells() {
    return this.content.cells.flatMap((cell, number) => {
      if (cell.cell_type !== "code") return [];
      const { tags = [], minirt = {} } = cell.metadata;
      const cannotRun = tags.includes("not-in-a-browser");
      const mayFail = tags.includes("raises-exception");
      return [{ number, source: textOf(cell.source), mayFail, cannotRun, instead: minirt.instead }];
    });
  }

  // With what the reader wrote and what ran here. ran: {number: {source, outputs, count}}
  download(ran, leftOver) {
    const cells = this.content.cells.map((cell, number) => {
      const own = ran[number];
      if (!own || cell.cell_type !== "code") return cell;
      return { ...cell, source: own.source, outputs: own.outputs, execution_count: own.count };
    });
    const notes = leftOver.map(({ text }, number) => ({
      cell_type: "raw",
      id: `left-${number}`,
      metadata: {},
      source: `An edit of a cell that the chapter no longer has:\n\n${text}`,
    }));
    const text = JSON.stringify({ ...this.content, cells: [...cells, ...notes] }, null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "application/x-ipynb+json" }));
    link.download = `${this.name}.ipynb`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

const textOf = (source) => (Array.isArray(source) ? source.join("") : source);
