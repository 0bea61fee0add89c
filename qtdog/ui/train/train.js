const place = element.querySelector(".train-place");
const root = (window.gradio_config?.root ?? new URL(".", location.href).href).replace(/\/?$/, "/");
import(`${root}web/toy/page.js`).then(({ mount }) =>
    mount(place, JSON.parse(place.dataset.record), place.dataset.fixed || null));
