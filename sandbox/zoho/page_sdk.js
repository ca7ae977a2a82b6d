// A stand-in for the vendor's page SDK (ZohoEmbededAppSDK), as its read-me and manual describe it. What a page
// asks for is answered by the sandbox. The page's address says where the widget stands: module, id, locale, user.
(function () {
  "use strict";
  var asked = new URLSearchParams(location.search), handlers = {}, started = false;

  function call(what, body) {
    return fetch("/_sandbox/widget/call", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.assign({ call: what, user: asked.get("user") || undefined }, body)) })
      .then(function (answer) {
        return answer.json().then(function (found) {
          if (!answer.ok) { throw found; }
          return found;
        });
      });
  }

  function started_or_fail() {
    if (!started) { throw new Error("ZOHO.embeddedApp.init() was not called"); }
  }

  window.ZOHO = {
    embeddedApp: {
      on: function (event, handler) {
        if (started) { throw new Error("on() comes before init()"); }
        if (event !== "PageLoad") { throw new Error("the event " + event + " is not known here"); }
        handlers[event] = handler;
      },
      init: function () {
        started = true;
        var id = asked.get("id");
        setTimeout(function () {
          handlers.PageLoad({ Entity: asked.get("module"), EntityId: asked.get("button") ? [id] : id });
        });
        return Promise.resolve(true);
      }
    },
    CRM: {
      API: {
        getRecord: function (config) {
          started_or_fail();
          return call("record", { module: config.Entity, id: config.RecordID });
        }
      },
      CONFIG: {
        getCurrentUser: function () {
          started_or_fail();
          return call("user", {}).then(function (found) {
            if (asked.get("locale")) { found.users[0].locale = asked.get("locale"); }
            return found;
          });
        }
      },
      FUNCTIONS: {
        execute: function (name, config) {
          started_or_fail();
          return call("function", { name: name, arguments: config.arguments });
        }
      },
      CONNECTION: {
        invoke: function (name, config) {
          started_or_fail();
          return call("connection", { name: name, config: config });
        }
      },
      UI: {
        Resize: function (size) {
          if (typeof size.height !== "string") { throw new Error("Resize takes texts"); }
          return Promise.resolve(true);
        }
      }
    }
  };
})();
