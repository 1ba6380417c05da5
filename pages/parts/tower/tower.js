/* Lights the same layer in the tower and in the figures.

   Figures agree on the layer under the mouse through the frame of the page: whoever knows it writes it there and says so. Here the
   tower hears of it, and says which of its own layers the mouse is on. */

export default function ({ data, parentElement: element }) {
  const { frame: framed, event, layers, tower: place } = data;
  const frame = document.querySelector(framed);
  const tower = document.querySelector(place);
  if (!frame || !tower) return;

  const options = () => [...tower.querySelectorAll("[role=radiogroup] label")];
  const light = () => options().forEach((option, i) => option.toggleAttribute("data-lit", layers[i] === frame.value));
  const tell = (layer) => {
    if (layer === (frame.value ?? null)) return;
    frame.value = layer;
    frame.dispatchEvent(new Event(event));
  };
  const over = ({ target }) => {
    const at = options().indexOf(target.closest("label"));
    tell(at < 0 ? null : layers[at]);
  };
  const gone = () => tell(null);

  frame.addEventListener(event, light);
  tower.addEventListener("pointerover", over);
  tower.addEventListener("pointerleave", gone);
  light();
  return () => {
    frame.removeEventListener(event, light);
    tower.removeEventListener("pointerover", over);
    tower.removeEventListener("pointerleave", gone);
  };
}
