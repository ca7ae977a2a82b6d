/**
 * 销售订单保存前的信用检查：向 CreditGate 询问，未通过时不保存并说明全部原因。
 * Asks CreditGate before a sales order is saved; an order on hold is not saved, and every reason is told.
 *
 * @codeName  credit_check
 * @namespace 校验函数 (validate)
 * @returntype ValidateResult
 * @object    @@object@@
 *
 * 绑定：销售订单的“新建-保存”与“编辑-保存”按钮，前验证，执行本函数。
 * Bind it as pre-validation to the buttons "new: save" and "edit: save".
 *
 * 时限：等待答复最多 @@patience@@ 毫秒；连接每次 2 秒，厂商最多重试 3 次。无论发生什么都会返回结果：
 * 服务不可用、超时或答复无法读懂时，按下面 unreached 的设置保存或不保存。
 * It waits @@patience@@ ms for the answer, beside the vendor's own 2 s for a connection, tried four times at
 * most. Whatever goes wrong it returns a result: the order is saved or not as 'unreached' below says.
 */

String service = '@@service@@'
// 在连接上生成的密钥（creditgate connect key），安装时填写。 The connection's key; put it in when installing.
String key = '@@key@@'
Integer patience = @@patience@@

def filled = { value -> value != null && value != '' }
def readable = { String text -> text.replaceAll('-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?', '') == '' }

Map order = context.data as Map
Boolean isNew = !filled(order['_id'])
// allow、review：保存；hold：不保存。 What becomes of the order when there is no usable answer.
String unreached = isNew ? '@@unreached_save@@' : '@@unreached_change@@'
String account = order['@@account@@'] as String
String currency = filled(order['@@currency@@']) ? order['@@currency@@'] as String : '@@default_currency@@'

// 主对象没有金额时用明细小计之和。 Where the order has no amount yet, the sum of its lines.
String typed = order['@@amount@@'] as String
BigDecimal total = BigDecimal.of('0')
Boolean countable = true
if (filled(typed)) {
    countable = readable(typed)
    total = countable ? BigDecimal.of(typed) : total
} else {
    Map details = context.details == null ? [:] : context.details as Map
    List rows = details['@@details@@'] == null ? [] : details['@@details@@'] as List
    countable = !rows.isEmpty()
    rows.each { row ->
        String part = filled(row['@@subtotal@@']) ? row['@@subtotal@@'] as String : '0'
        countable = countable && readable(part)
        total = countable ? total + BigDecimal.of(part) : total
    }
}
Integer digits = '@@three_digits@@'.contains(currency) ? 3 : 2
String amount = total.setScale(digits, BigDecimal.ROUND_HALF_UP) as String

// 新订单可能还没有编号：此时以客户、金额、币种为准，订单入账后自动对应。
// A new order may have no number yet: it is then known by account, amount and currency until it arrives.
String known = filled(order['@@number@@']) ? order['@@number@@'] as String : order['_id'] as String
String named = filled(known) ? known : 'new:' + account + ':' + amount + ':' + currency

Map question = [:]
question.put('connection', '@@connection@@')
question.put('account', account)
question.put('order', named)
question.put('amount', amount)
question.put('currency', currency)
question.put('checkpoint', isNew ? 'order_save' : 'order_change')
@@more@@
Map told = [:]
String why = '@@why_answer@@'
if (filled(account) && countable) {
    Request request = Request.builder()
        .method('POST')
        .url(service + '/v1/checks')
        .timeout(patience)
        .retryCount(0)
        .header('Content-Type', 'application/json')
        .header('Authorization', 'Bearer ' + key)
        .body(StringBody.builder().content(question).build())
        .build()
    def (Boolean failed, HttpResult answer, String message) = Fx.http.execute(request)
    if (failed || answer == null) {
        String heard = message == null ? '' : message.toLowerCase()
        why = heard.contains('timed out') || heard.contains('timeout') ? '@@why_slow@@' : '@@why_down@@'
    } else if (answer.statusCode == 401 || answer.statusCode == 403) {
        why = '@@why_key@@'
    } else if (answer.statusCode != 200) {
        why = '@@why_refused@@'.replace('{status}', answer.statusCode as String)
    } else {
        told = answer.content instanceof Map ? answer.content as Map : told
    }
} else {
    why = '@@why_unclear@@'
}

String decision = told['decision'] as String
Boolean usable = ['pass', 'warn', 'hold'].contains(decision)
String listed = ''
List reasons = told['reasons'] instanceof List ? told['reasons'] as List : []
reasons.each { reason ->
    Map texts = reason instanceof Map && reason['text'] instanceof Map ? reason['text'] as Map : [:]
    listed = filled(texts['@@language@@']) ? listed + '\n' + texts['@@language@@'] : listed
}
Boolean passes = usable ? decision != 'hold' : unreached != 'hold'
String shown = passes ? '' : usable ? '@@held@@' + listed : '@@failed@@'.replace('{why}', why)
log.info('CreditGate ' + named + ': ' + (usable ? decision + listed : unreached + ' (' + why + ')'))

return ValidateResult.build {
    success = passes
    errorMessage = shown
}
