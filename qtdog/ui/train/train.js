const place = element.querySelector(".toy-place");
const root = (window.gradio_config?.root ?? new URL(".", location.href).href).replace(/\/?$/, "/");
import(`${root}web/toy/page.js`).then(({ mount }) => mount(place, JSON.parse(place.dataset.record)));
