// What can be done about an order: check it, and ask for its release.
(function (gate) {
  "use strict";
  var words = gate.words, parts = gate.parts, service = gate.service, say = words.say, el = parts.el;

  // The question about an order as its record stands; null when something of it is missing.
  function question(row) {
    var read = gate.config.read;
    var account = service.at(row, read.account_id), amount = service.at(row, read.amount);
    var order = service.at(row, read.number) || row.id, currency = service.at(row, read.currency);
    if (!account || amount === null || !currency) { return null; }
    return { connection: gate.config.connection, account: String(account), order: String(order),
      amount: String(amount), currency: String(currency), checkpoint: "order_change" };
  }

  function reasonsOf(answer) {
    if (["pass", "warn", "hold"].indexOf(answer.decision) < 0 || !Array.isArray(answer.reasons)) {
      throw new service.Failure("answer");
    }
    return answer.reasons.map(function (one) { return words.either(one.text); });
  }

  function Actions(row, changed) {
    this.asked = question(row);
    this.changed = changed;
    this.told = el("div", { "aria-live": "polite" });
    this.form = el("div", {});
    this.check = parts.button("panel.check", "main", this.onCheck.bind(this));
    this.release = parts.button("panel.release", "", this.onRelease.bind(this));
    this.sending = null;
    this.node = parts.section("panel.order", [
      this.asked ? null : el("p", {}, say("panel.no_amount")),
      el("div", { "class": "actions" }, [this.check, this.release]), this.told, this.form
    ]);
    this.busy(!this.asked);
  }

  Actions.prototype.busy = function (is) {
    [this.check, this.release, this.sending].forEach(function (one) {
      if (!one) { return; }
      if (is) { one.setAttribute("disabled", ""); } else { one.removeAttribute("disabled"); }
    });
  };

  Actions.prototype.tell = function (kind, text, texts) {
    parts.show(this.told, parts.notice(kind, [el("p", {}, text), texts && texts.length ? parts.list(texts) : null]));
  };

  // Runs one act with the buttons off; the focus returns to where it was, or to the button that opened that.
  Actions.prototype.run = function (from, waiting, failed, act) {
    var self = this;
    self.busy(true);
    self.tell("", say(waiting));
    return act().catch(function (fault) {
      if (!(fault instanceof service.Failure)) { throw fault; }
      self.tell("bad", say(failed, { why: fault.words() }));
    }).then(function () {
      self.busy(false);
      (from.isConnected ? from : self.release).focus();
    });
  };

  Actions.prototype.onCheck = function () {
    var self = this;
    return self.run(self.check, "panel.checking", "panel.check_failed", function () {
      return service.call("POST", "/v1/checks", self.asked).then(function (answer) {
        var texts = reasonsOf(answer);
        var kind = { pass: "good", warn: "", hold: "bad" }[answer.decision];
        self.tell(kind, say("panel.check_" + answer.decision), texts);
        self.changed();
      });
    });
  };

  Actions.prototype.onRelease = function () {
    var self = this;
    var note = el("textarea", { id: "release-note", rows: 3, maxlength: 1000 });
    var send = parts.button("panel.release_send", "main", function () { self.send(note.value.trim(), note); });
    self.sending = send;
    var cancel = parts.button("panel.release_cancel", "", function () { self.close(); });
    parts.show(self.told, []);
    parts.show(self.form, [el("label", { "for": "release-note" }, say("panel.release_note")), note,
      el("div", { "class": "actions" }, [send, cancel])]);
    note.focus();
  };

  Actions.prototype.close = function () {
    parts.show(this.form, []);
    this.sending = null;
    this.release.focus();
  };

  Actions.prototype.notHeld = function () {
    this.tell("", say("panel.not_held"));
    this.close();
    return null;
  };

  Actions.prototype.send = function (text, note) {
    var self = this;
    if (!text) {
      self.tell("bad", say("panel.release_empty"));
      note.focus();
      return;
    }
    self.run(note, "panel.release_sending", "panel.release_failed", function () {
      return service.call("GET", "/v1/holds?order=" + encodeURIComponent(self.asked.order)).then(function (answer) {
        if (!Array.isArray(answer.holds)) { throw new service.Failure("answer"); }
        var hold = answer.holds[0];
        if (!hold) { return self.notHeld(); }
        return service.call("POST", "/v1/holds/" + encodeURIComponent(hold.id) + "/ask", { note: text }).then(function () {
          self.tell("good", say("panel.release_asked"));
          self.close();
        }, function (fault) {
          // It has ended since it was listed.
          if (fault.status === 409) { return self.notHeld(); }
          throw fault;
        });
      });
    });
  };

  gate.order = { Actions: Actions };
})(window.CREDITGATE);
