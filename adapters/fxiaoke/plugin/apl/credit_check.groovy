/**
 * 销售订单保存前的信用检查：向 CreditGate 询问，冻结时不保存并说明全部原因。
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
 * 时限：读取最多 @@patience@@ 毫秒；连接 2 秒，厂商最多重试 3 次。服务不可用、超时或答复无法读懂时按 unreached 处理，始终返回结果。
 * It waits @@patience@@ ms for the answer, beside the vendor's own 2 s for a connection, tried at most four
 * times. Whatever goes wrong, it returns a result: the order is saved or not as 'unreached' says.
 */

String service = '@@service@@'
String connection = '@@connection@@'
// 只读写信用检查的密钥（creditgate connect key），安装时填写。 The connection's API key; put it in when installing.
String key = '@@key@@'
Integer patience = @@patience@@
// allow：保存订单；hold：不保存。 What becomes of the order when no usable answer comes.
String unreached = '@@unreached@@'

def filled = { value -> value != null && value != '' }
def readable = { String text -> text.replaceAll('-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?', '') == '' }

Map order = context.data as Map
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
    rows.each { row ->
        String part = row['@@subtotal@@'] as String
        if (filled(part)) {
            countable = countable && readable(part)
            total = countable ? total + BigDecimal.of(part) : total
        } else {
            log.info('CreditGate: a line without a subtotal')
        }
    }
}
String amount = total.setScale(2, BigDecimal.ROUND_HALF_UP) as String

// 新订单可能还没有编号：以客户、金额、币种为准，订单入账后自动对应。
// A new order may have no number yet: it is then known by account, amount and currency until it arrives.
String known = filled(order['@@number@@']) ? order['@@number@@'] as String : order['_id'] as String
String named = filled(known) ? known : 'new:' + account + ':' + amount + ':' + currency

Map question = [:]
question.put('connection', connection)
question.put('account', account)
question.put('order', named)
question.put('amount', amount)
question.put('currency', currency)
question.put('checkpoint', filled(order['_id']) ? 'order_change' : 'order_save')
@@more@@
Map told = [:]
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
    if (!failed && answer != null && answer.statusCode == 200 && answer.content instanceof Map) {
        told = answer.content as Map
    } else {
        log.info('CreditGate gave no usable answer: ' + (answer == null ? message : answer.statusCode))
    }
} else {
    log.info('CreditGate was not asked: the order has no account or no readable amount')
}

String decision = told['decision'] as String
Boolean usable = ['pass', 'warn', 'hold'].contains(decision)
String listed = ''
List reasons = told['reasons'] instanceof List ? told['reasons'] as List : []
reasons.each { reason ->
    Map texts = reason instanceof Map && reason['text'] instanceof Map ? reason['text'] as Map : [:]
    if (filled(texts['@@language@@'])) {
        listed = listed + '\n' + texts['@@language@@']
    } else {
        log.info('CreditGate: a reason without text')
    }
}
Boolean passes = usable ? decision != 'hold' : unreached == 'allow'
String title = usable ? '@@held@@' : '@@unreachable@@'
String shown = passes ? '' : title + listed
if (usable) {
    log.info('CreditGate ' + decision + ' ' + named)
} else {
    log.info('CreditGate not reached, ' + unreached + ' ' + named)
}

return ValidateResult.build {
    success = passes
    errorMessage = shown
}
