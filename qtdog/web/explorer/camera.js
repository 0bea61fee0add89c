// The camera: a stream of frames that never leave the browser.

import { drawn } from "./picture.js";

const SIDE = 480;  // px of a frame's longer side; the networks see less

const WHY = /** @type {Record<string, string>} */ ({
  NotAllowedError: "The camera is not allowed here: allow it in the browser's settings for this page, and press Camera again.",
  NotFoundError: "There is no camera: connect one, or choose a picture.",
  NotReadableError: "The camera is in use by another program: close that, and press Camera again.",
});
const NO_CAMERA = "Browsers give the camera to pages on https or on this machine alone: choose a picture instead.";

export class Camera {
  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    this.facing = "environment";
    this.stream = /** @type {MediaStream | null} */ (null);
  }

  /**
   * Start it, or start it anew with the other camera.
   * @throws {Error} with one sentence
   */
  async start() {
    this.stop();
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(NO_CAMERA);
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: this.facing, width: { ideal: 640 }, height: { ideal: 480 } },
      });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      throw new Error(WHY[name] ?? "The camera could not be started: choose a picture instead.");
    }
    this.video.srcObject = this.stream;
    await this.video.play();
  }

  /** Use the camera on the other side. */
  turn() {
    this.facing = this.facing === "environment" ? "user" : "environment";
    return this.start();
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }

  /** @returns {import("./picture.js").Pixels | null} what it sees now */
  frame() {
    const { videoWidth: width, videoHeight: height } = this.video;
    return width ? drawn(this.video, width, height, SIDE) : null;
  }
}
