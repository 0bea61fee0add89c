// A drawing pad: black lines on white paper, by mouse, finger or pen.

const SIDE = 480;

/** @typedef {{width: number, points: [number, number][]}} Line */

/** Tells "drawn" of every change, and "lifted" when a line has ended. */
export class DrawingPad extends EventTarget {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Element} tools the buttons "undo" and "clear" and the slider "width", by their data-pad
   */
  constructor(canvas, tools) {
    super();
    this.canvas = canvas;
    this.lines = /** @type {Line[]} */ ([]);
    this.lineWidth = 10;
    canvas.width = SIDE;
    canvas.height = SIDE;
    canvas.style.touchAction = "none";
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => this.end());
    }
    this.drawing = false;
    this.wire(tools);
    this.paint();
  }

  /** @param {Element} tools */
  wire(tools) {
    const tool = (/** @type {string} */ name) => /** @type {any} */ (tools.querySelector(`[data-pad="${name}"]`));
    const width = tool("width");
    tool("undo").addEventListener("click", () => this.undo());
    tool("clear").addEventListener("click", () => this.clear());
    width.addEventListener("input", () => { this.lineWidth = Number(width.value); });
  }

  /** Take the last line away. */
  undo() {
    this.lines.pop();
    this.changed();
  }

  clear() {
    this.lines = [];
    this.changed();
  }

  /** @returns {boolean} */
  get empty() {
    return !this.lines.length;
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = true;
    this.lines.push({ width: this.lineWidth, points: [this.place(event)] });
    this.changed();
  }

  /** @param {PointerEvent} event */
  go(event) {
    if (!this.drawing) return;
    const moved = event.getCoalescedEvents?.() ?? [];
    const points = this.lines[this.lines.length - 1].points;
    for (const one of moved.length ? moved : [event]) points.push(this.place(one));
    this.changed();
  }

  end() {
    if (!this.drawing) return;
    this.drawing = false;
    this.dispatchEvent(new Event("lifted"));
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE,
    ];
  }

  changed() {
    this.paint();
    this.dispatchEvent(new Event("drawn"));
  }

  paint() {
    const { context } = this;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    context.lineCap = "round";
    context.lineJoin = "round";
    context.strokeStyle = "#000";
    for (const { width, points } of this.lines) {
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points.length > 1 ? points : [points[0]]) context.lineTo(...point);
      context.stroke();
    }
  }
}
