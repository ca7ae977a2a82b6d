/*
 * CreditGate: the credit check when an order is saved. Zoho CRM client script, event onSave, on the create, edit
 * and clone page of orders. The body of this file is the whole script; "return false" stops the save.
 *
 * What happens when there is no answer that makes sense is said by onFailure, step by step:
 *   allow   saved, with a message
 *   hold    not saved, with a message
 *   review  saved and marked for a person, with a message
 * Client scripts have no timers: Zoho itself ends a script that runs too long. Where calls answer later (as
 * promises), the script waits no longer than seconds.
 */
var CREDITGATE = __CONFIG__;

// The user's language where Zoho tells it, else the org's.
function cgLanguage() {
  var tag = "";
  try { tag = String($Crm.user.locale || ""); } catch (fault) { tag = ""; }
  return tag ? (tag.toLowerCase().indexOf("zh") === 0 ? "zh" : "en") : CREDITGATE.language;
}

function cgSay(key, values) {
  var text = CREDITGATE.texts[cgLanguage()][key] || key;
  return text.replace(/\{(\w+)\}/g, function (whole, name) {
    return values && values[name] !== undefined ? String(values[name]) : "";
  });
}

// The value of a field, by the path that the mapping writes; null when the page does not have it.
function cgValue(name) {
  var source = CREDITGATE.read[name];
  if (!source) { return null; }
  var steps = source.path.split("."), value = null;
  try {
    var field = ZDK.Page.getField(steps[0]);
    value = field ? field.getValue() : null;
  } catch (fault) { value = null; }
  for (var i = 1; i < steps.length && value !== null && value !== undefined; i += 1) {
    value = typeof value === "object" ? value[steps[i]] : value;
  }
  return value === null || value === undefined || value === "" ? source.default : value;
}

function cgRecordId() {
  return typeof $Page !== "undefined" && $Page && $Page.record_id ? String($Page.record_id) : "";
}

// The name under which the order is checked: its number, else its id; a new order gets a key of its own, which
// stays in the form, so that saving it again asks about the same order.
function cgOrder() {
  var known = cgValue("number") || cgRecordId() || cgValue("check_key");
  if (known) { return String(known); }
  var key = "NEW-" + Date.now().toString(36) + "-" + Math.random().toString(36).slice(2, 10);
  try {
    ZDK.Page.getField(CREDITGATE.read.check_key.path).setValue(key);
  } catch (fault) { /* without the field the order is found when it arrives */ }
  return key;
}

function cgCheckpoint() {
  var state = String(cgValue("stage") || "");
  if (state !== "" && state === CREDITGATE.shipmentStatus) { return "shipment"; }
  if (state !== "" && state === CREDITGATE.approvalStatus) { return "approval"; }
  return cgRecordId() ? "order_change" : "order_save";
}

// "12,500.5", 12500.5 and "12500.50" are the same amount; null for what is none.
function cgAmount(value) {
  var text = typeof value === "number" ? value.toFixed(3).replace(/0{1,3}$/, "").replace(/\.$/, "")
    : String(value).replace(/,/g, "").trim();
  return /^-?\d{1,14}(\.\d{1,3})?$/.test(text) ? text : null;
}

function cgDraft() {
  var source = CREDITGATE.read.stage, state = cgValue("stage");
  return Boolean(source && state !== null && source.values[String(state)] === "draft");
}

function cgQuestion() {
  var account = cgValue("account_id"), amount = cgAmount(cgValue("amount")), currency = cgValue("currency");
  if (!account || amount === null || !currency) { return null; }
  var asked = {
    connection: CREDITGATE.connection, account: String(account), order: cgOrder(), amount: amount,
    currency: String(currency), checkpoint: cgCheckpoint(), draft: cgDraft()
  };
  var days = cgValue("terms_days");
  if (days !== null && /^\d{1,4}$/.test(String(days))) { asked.terms_days = Number(days); }
  return asked;
}

// What the function or the connection brought back: {status, body}; status 0 is no answer at all.
function cgUnpacked(answer) {
  var said;
  if (CREDITGATE.route === "connection") {
    said = answer && (answer.response || answer.data || (answer._details || answer.details || {}).statusMessage);
    said = typeof said === "string" ? JSON.parse(said) : said;
    return { status: said && typeof said.decision === "string" ? 200 : 0, body: said };
  }
  var output = (answer && (answer._details || answer.details) || {}).output;
  said = typeof output === "string" ? JSON.parse(output) : output;
  if (said && typeof said.body === "string" && said.status !== 0) { said.body = JSON.parse(said.body); }
  return said;
}

function cgAsk(asked) {
  if (CREDITGATE.route === "connection") {
    return ZDK.Apps.CRM.Connections.invoke(CREDITGATE.zohoConnection, CREDITGATE.gate + "/v1/checks", "POST", 2,
      asked, { "Content-Type": "application/json" });
  }
  var request = JSON.stringify({ method: "POST", path: "/v1/checks", body: asked });
  return ZDK.Apps.CRM.Functions.execute(CREDITGATE.function, { request: request });
}

function cgMessage(text, type) {
  if (type === "error") { ZDK.Client.showAlert(text); } else { ZDK.Client.showMessage(text, { type: type }); }
}

function cgFailed(step, why) {
  var does = CREDITGATE.onFailure[step] || "hold";
  cgMessage(cgSay("plugin.failed_" + does, { why: cgSay("panel.why_" + why) }), does === "hold" ? "error" : "warning");
  if (does === "review" && CREDITGATE.stateField) {
    try { ZDK.Page.getField(CREDITGATE.stateField).setValue(CREDITGATE.stateReview); } catch (fault) { /* listed later */ }
  }
  return does !== "hold";
}

// Whether the order may be saved by this answer.
function cgJudged(step, answer) {
  var said;
  try { said = cgUnpacked(answer); } catch (fault) { return cgFailed(step, "answer"); }
  if (!said || typeof said.status !== "number") { return cgFailed(step, "answer"); }
  if (said.status === 0) { return cgFailed(step, "down"); }
  if (said.status === 401 || said.status === 403) { return cgFailed(step, "key"); }
  var body = said.body;
  if (said.status !== 200 || !body || ["pass", "warn", "hold"].indexOf(body.decision) < 0 ||
      !Array.isArray(body.reasons)) { return cgFailed(step, "answer"); }
  var texts = body.reasons.map(function (one) {
    return one && one.text ? "• " + String(one.text[cgLanguage()] || one.text.en || one.code) : "";
  });
  if (body.decision === "hold") { cgMessage([cgSay("plugin.held")].concat(texts).join("\n"), "error"); return false; }
  if (body.decision === "warn") { cgMessage([cgSay("plugin.warned")].concat(texts).join("\n"), "warning"); }
  return true;
}

// An answer that comes later, waited for no longer than seconds.
function cgLater(step, answer) {
  var late = new Promise(function (resolve) {
    setTimeout(function () { resolve({ late: true }); }, CREDITGATE.seconds * 1000);
  });
  return Promise.race([answer, late]).then(function (found) {
    return found && found.late === true ? cgFailed(step, "slow") : cgJudged(step, found);
  }, function () { return cgFailed(step, "down"); });
}

var cgAsked = cgQuestion();
if (cgAsked === null) { return true; } // without account or amount nothing is asked for: Zoho wants them itself
var cgAnswer;
try { cgAnswer = cgAsk(cgAsked); } catch (fault) { return cgFailed(cgAsked.checkpoint, "down"); }
if (cgAnswer && typeof cgAnswer.then === "function" && typeof setTimeout === "function") {
  return cgLater(cgAsked.checkpoint, cgAnswer);
}
return cgJudged(cgAsked.checkpoint, cgAnswer);
