// What the scripts say, in the language of the page: the server gives it (services/alerts/web/board/script_words.py).
const words = JSON.parse(document.body.dataset.words);

export const say = (name, values = {}) =>
  words[name].replace(/%\((\w+)\)s/g, (written, value) => (value in values ? values[value] : written));
