// Words, amounts and times for people. Amounts stay the decimal text that the service gave: no arithmetic here.
(function (gate) {
  "use strict";
  var language = gate.config.language;

  function use(tag) {
    if (!tag) { return; }
    language = String(tag).toLowerCase().indexOf("zh") === 0 ? "zh" : "en";
    var full = language === "zh" ? "zh-CN" : "en";
    gate.root.lang = full;
    if (gate.host.named) { gate.host.named(full, say("panel.title")); }
  }

  function known(key) {
    return Object.prototype.hasOwnProperty.call(gate.texts[language], key);
  }

  // The text of a key, with {name} filled in; a key without text shows as itself.
  function say(key, values) {
    var text = known(key) ? gate.texts[language][key] : key;
    return text.replace(/\{(\w+)\}/g, function (whole, name) {
      return values && values[name] !== undefined && values[name] !== null ? String(values[name]) : "–";
    });
  }

  // One of two texts that the service sent, in the user's language.
  function either(text) {
    if (typeof text === "string") { return text; }
    return text ? String(text[language] || text.en || "") : "";
  }

  function label(value) {
    if (value === null || value === undefined || value === "") { return say("panel.unknown"); }
    return known("label." + value) ? say("label." + value) : String(value);
  }

  // "-125000.5" becomes "-125,000.5 CNY"; what is no amount shows as it is.
  function money(amount, currency) {
    if (amount === null || amount === undefined || amount === "") { return say("panel.unknown"); }
    var parts = /^(-?)(\d+)(\.\d+)?$/.exec(String(amount));
    var text = parts ? parts[1] + parts[2].replace(/\B(?=(\d{3})+$)/g, ",") + (parts[3] || "") : String(amount);
    return currency ? text + " " + currency : text;
  }

  function moment(iso) {
    var when = new Date(iso);
    if (!iso || isNaN(when)) { return say("panel.unknown"); }
    return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB",
      { dateStyle: "medium", timeStyle: "short" }).format(when);
  }

  // How old something is; an empty text when that is not known.
  function age(iso) {
    var when = new Date(iso);
    if (!iso || isNaN(when)) { return ""; }
    var minutes = Math.max(0, Math.floor((Date.now() - when) / 60000));
    if (minutes < 120) { return say("panel.age_minutes", { count: minutes }); }
    if (minutes < 2880) { return say("panel.age_hours", { count: Math.floor(minutes / 60) }); }
    return say("panel.age_days", { count: Math.floor(minutes / 1440) });
  }

  gate.words = { use: use, say: say, either: either, label: label, money: money, moment: moment, age: age };
  use(language);
})(window.CREDITGATE);
