// The panel's picture of a customer: from the service's answer, or from the CRM's own fields without it.
(function (gate) {
  "use strict";
  var words = gate.words, parts = gate.parts, say = words.say, el = parts.el;

  function status(value) {
    var known = ["ok", "watch", "hold", "stop"].indexOf(value) >= 0 ? value : "";
    return el("span", { "class": "status " + known }, words.label(value));
  }

  // Shares are for drawing alone; what people read is the decimal text.
  function share(amount, limit) {
    var found = Number(amount) / Number(limit);
    return isFinite(found) && found > 0 ? found : 0;
  }

  function limitBar(credit) {
    if (credit.limit_state !== "amount" || credit.limit === null) { return null; }
    var over = String(credit.available || "").indexOf("-") === 0;
    var told = over ? say("panel.over", { amount: words.money(String(credit.available).slice(1), credit.currency) })
      : say("panel.used", { percent: credit.utilisation });
    if (!over && !(Number(credit.limit) > 0)) { return null; }
    return el("div", {}, [
      parts.bar(over ? [["over", 1]] : [["used", share(credit.exposure, credit.limit)],
        ["kept", share(credit.reserved, credit.limit)]], told),
      el("p", { "class": "quiet" }, told)
    ]);
  }

  function limitOf(credit) {
    if (credit.limit_state === "unlimited") { return say("panel.unlimited"); }
    return credit.limit_state === "none" ? say("panel.no_limit") : words.money(credit.limit, credit.currency);
  }

  function figures(credit) {
    return parts.section("panel.limit", [
      limitBar(credit),
      parts.pairs([
        ["panel.limit", limitOf(credit)],
        ["panel.exposure", words.money(credit.exposure, credit.currency)],
        credit.reserved === undefined ? null : ["panel.reserved", words.money(credit.reserved, credit.currency)],
        ["panel.available", credit.limit_state === "unlimited" ? say("panel.unlimited")
          : words.money(credit.available, credit.currency)],
        credit.group ? ["panel.group", limitOf(credit.group) + " / " +
          words.money(credit.group.available, credit.group.currency)] : null
      ])
    ]);
  }

  function ageing(credit) {
    var found = credit.ageing;
    if (!Array.isArray(found)) { return parts.section("panel.ageing", el("p", {}, say("panel.ageing_unknown"))); }
    var most = Math.max.apply(null, found.map(function (one) { return Number(one.amount) || 0; }));
    if (!(most > 0)) { return parts.section("panel.ageing", el("p", {}, say("panel.nothing_open"))); }
    return parts.section("panel.ageing", el("table", {}, el("tbody", {}, found.map(function (one) {
      var name = say("panel.bucket." + one.days), amount = words.money(one.amount, credit.ageing_currency);
      return el("tr", {}, [
        el("th", { scope: "row" }, name),
        el("td", { "class": "drawn" }, parts.bar([[one.days === "current" ? "used" : "over",
          share(one.amount, most)]], name + ": " + amount)),
        el("td", { "class": "amount" }, amount)
      ]);
    }))));
  }

  function reasons(credit) {
    var texts = (credit.reasons || []).map(function (one) { return words.either(one.text); });
    var steps = (credit.steps || []).map(words.either);
    return parts.section("panel.reasons", [
      texts.length ? parts.list(texts) : el("p", {}, say("panel.no_reasons")),
      steps.length ? el("details", {}, [el("summary", {}, say("panel.steps")),
        el("ol", {}, steps.map(function (text) { return el("li", {}, text); }))]) : null
    ]);
  }

  function signals(credit) {
    var found = (credit.signals || []).map(function (one) {
      return "[" + words.label(one.severity) + "] " + say("signal_name." + one.kind) + " – " +
        words.moment(one.raised_at);
    });
    return parts.section("panel.signals", found.length ? parts.list(found) : el("p", {}, say("panel.no_signals")));
  }

  function dates(credit) {
    return parts.section("panel.next", parts.pairs([
      ["panel.next_visit", credit.next_visit || say("panel.none_planned")],
      ["panel.next_review", credit.next_review || say("panel.none_planned")]
    ]));
  }

  function standing(value, riskClass) {
    return el("p", {}, [say("panel.status") + ": ", status(value),
      riskClass ? " " + say("panel.class") + ": " + riskClass : ""]);
  }

  // The whole customer as the service knows it. Who is held by a person is on hold, whatever the figures say.
  function customer(credit) {
    var open = credit.status === "ok" || credit.status === "watch";
    return [
      standing(credit.held && open ? "hold" : credit.status, credit.risk_class),
      credit.stale ? parts.notice("", say("panel.stale")) : null,
      el("div", { "class": "sections" }, [figures(credit), ageing(credit), reasons(credit), signals(credit),
        dates(credit)]),
      el("p", { "class": "quiet" }, say("panel.as_of", { when: words.moment(credit.as_of) }) + " · " +
        say("panel.policy", { policy: credit.policy_version }))
    ];
  }

  // What the CRM's own record says, without the service; says how old it is.
  function kept(row, fields, why, retry) {
    function of(name) {
      var value = row && fields[name] ? row[fields[name]] : null;
      return value === undefined || value === "" ? null : value;
    }
    var currency = gate.host.currency(row);
    var limit = of("credit_limit"), exposure = of("credit_exposure"), state = of("credit_status");
    var again = el("div", { "class": "actions" }, parts.button("panel.retry", "", retry));
    if (limit === null && exposure === null && state === null) {
      return [parts.notice("bad", [el("p", {}, say("panel.offline_empty")), el("p", { "class": "quiet" }, why), again])];
    }
    var old = words.age(of("credit_as_of"));
    var told = old ? say("panel.offline", { age: old }) : say("panel.offline_unknown");
    var lines = function (name) { return String(of(name) || "").split("\n").filter(Boolean); };
    var used = of("credit_utilisation");
    return [
      parts.notice("bad", [el("p", {}, told), el("p", { "class": "quiet" }, why), again]),
      standing(meaning(state) || state, of("risk_class")),
      el("div", { "class": "sections" }, [
        figures({ limit: limit, exposure: exposure, available: of("credit_available"), currency: currency,
          limit_state: limit === null ? "none" : "amount", utilisation: used }),
        parts.section("panel.overdue", parts.pairs([["panel.overdue", words.money(of("overdue_amount"), currency)],
          ["panel.overdue_days", of("overdue_days") === null ? say("panel.unknown") : of("overdue_days")]])),
        parts.section("panel.reasons", lines("credit_reasons").length ? parts.list(lines("credit_reasons"))
          : el("p", {}, say("panel.no_reasons"))),
        parts.section("panel.signals", lines("credit_signals").length ? parts.list(lines("credit_signals"))
          : el("p", {}, say("panel.no_signals"))),
        dates({ next_review: of("credit_next_review") })
      ])
    ];
  }

  // Which of our values a label of the CRM's status field means.
  function meaning(text) {
    var options = gate.config.account.options.credit_status || {};
    return Object.keys(options).filter(function (value) {
      return value === text || Object.keys(options[value]).some(function (tongue) {
        return options[value][tongue] === text;
      });
    })[0] || "";
  }

  gate.view = { customer: customer, kept: kept };
})(window.CREDITGATE);
