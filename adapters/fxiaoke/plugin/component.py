"""The credit panel as a component (自定义组件) of the vendor's pages."""

from __future__ import annotations

from collections.abc import Mapping

from connector.adapter import PluginSpec

API_NAME = "credit_panel__c"
FOLDER = "component/credit_panel"
ENTRY = f"{FOLDER}/CreditPanel.vue"


def files(spec: PluginSpec) -> Mapping[str, str]:
    return {ENTRY: ""}
