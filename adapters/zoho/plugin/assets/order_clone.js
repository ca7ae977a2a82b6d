/*
 * CreditGate: a copy of an order is an order of its own. Zoho CRM client script, event onLoad, on the clone page of
 * orders: it empties the key under which the original was checked, so that the copy is asked about by itself.
 */
var CREDITGATE = __CONFIG__;

try {
  ZDK.Page.getField(CREDITGATE.checkKey).setValue("");
} catch (fault) { /* the page does not have the field: then there is nothing to empty */ }
