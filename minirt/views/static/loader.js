// How does the live view come into a page? Packed: a notebook that is saved keeps code and style of
// each view that is still a widget, such as a part of a box.

const PACKED = "{{code}}";

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

export default async () => {
  const { code, style } = await inflated(PACKED);
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: widget } = await import(address);
  URL.revokeObjectURL(address);

  function render(place) {
    const sheet = document.createElement("style");
    sheet.textContent = style;
    place.el.append(sheet);
    return widget.render(place);
  }
  return { ...widget, render };
};
