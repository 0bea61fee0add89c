/** Trains away from the page, so that the page stays responsive. */

import { Trainer } from "./trainer.js";

const trainer = new Trainer();
self.onmessage = ({ data }) => self.postMessage({ id: data.id, ...trainer.answer(data.request) });
