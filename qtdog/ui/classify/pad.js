// The explorer's drawing pad in the picture's place. When a stroke has ended and none follows, what is
// drawn is uploaded as any picture is, and "drawn" is told. Of several drawings the newest counts.
const PAUSE_MS = 300;
const NOT_SENT = "The drawing could not be sent: draw on, and it is sent again.";
const root = (window.gradio_config?.root ?? new URL(".", location.href).href).replace(/\/?$/, "/");

import(`${root}web/explorer/pad.js`).then(({ DrawingPad }) => {
  const [canvas, tools, notice, draw] = ["#pad", "#pad-tools", ".notice", "#draw"].map((one) => element.querySelector(one));
  const pad = new DrawingPad(canvas, tools), place = element.closest("#asked");
  let newest = 0, pause = 0;

  const forget = () => {
    clearTimeout(pause);
    newest += 1;
  };
  const open = (opened) => {
    draw.setAttribute("aria-pressed", String(opened));
    place.classList.toggle("drawing", opened);
    if (opened && !pad.empty) later();
  };
  const say = (text) => {
    notice.textContent = text;
    notice.hidden = !text;
  };
  const uploaded = async () => {
    const picture = await new Promise((made) => canvas.toBlob(made, "image/png"));
    const { path, url } = await upload(new File([picture], "drawing.png", { type: "image/png" }));
    return { path, url, orig_name: "drawing.png", mime_type: "image/png", meta: { _type: "gradio.FileData" } };
  };
  const give = async () => {
    const drawing = newest;
    try {
      const given = pad.empty ? null : await uploaded();
      if (drawing !== newest) return;
      canvas.given = given;
      say("");
      trigger("drawn");
    } catch {
      if (drawing === newest) say(NOT_SENT);
    }
  };
  const later = () => {
    forget();
    if (!pad.drawing) pause = setTimeout(give, PAUSE_MS);
  };

  for (const one of ["drawn", "lifted"]) pad.addEventListener(one, later);
  draw.addEventListener("click", () => open(draw.getAttribute("aria-pressed") !== "true"));
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#samples button.thumbnail-item")) return;
    forget();
    open(false);
  });
});
