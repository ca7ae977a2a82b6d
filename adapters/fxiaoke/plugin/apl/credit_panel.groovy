/**
 * 信用面板的数据：由自定义组件调用，代为访问 CreditGate，密钥不离开函数。
 * What the credit panel shows: called by the component, asks CreditGate for it; the key never leaves here.
 *
 * @codeName  credit_panel
 * @namespace 自定义控制器 (controller)
 * @returntype Map
 * @object    不绑定对象 (none)
 *
 * 绑定：不需要。参数（均为 String）：act、account、order、hold、note。
 * Bind it to nothing. Parameters, all of type String: act, account, order, hold, note.
 *
 * act：credit 客户信用；check 检查订单；holds 订单的冻结；ask 申请放行。金额等一律以函数读到的数据为准。
 * act is credit, check, holds or ask. What is asked about an order is what this function itself reads of it.
 */

String service = '@@service@@'
// 在连接上生成的密钥（creditgate connect key），安装时填写。 The connection's key; put it in when installing.
String key = '@@key@@'
Integer patience = @@patience@@

def filled = { value -> value != null && value != '' }
def readable = { String text -> text.replaceAll('-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?', '') == '' }
// 只有这些字符可以放进地址。 Only these signs can stand in an address.
def simple = { String text -> filled(text) && text.replaceAll('[A-Za-z0-9_.:-]', '') == '' }

String asked = act as String
String orderId = order as String
Map row = [:]
if (filled(orderId)) {
    def (Boolean failed, Map found, String why) = Fx.object.findById('@@object@@', orderId)
    row = failed || found == null ? row : found
} else {
    log.info('CreditGate: asked of an account')
}
String accountId = filled(row['@@account@@']) ? row['@@account@@'] as String : account as String
def (Boolean unseen, Map customer, String hidden) = Fx.object.findById('AccountObj', accountId)
Boolean seen = !unseen && customer != null && simple(accountId)

String currency = filled(row['@@currency@@']) ? row['@@currency@@'] as String : '@@default_currency@@'
Integer digits = '@@three_digits@@'.contains(currency) ? 3 : 2
String typed = row['@@amount@@'] as String
Boolean countable = filled(typed) && readable(typed)
BigDecimal total = BigDecimal.of(countable ? typed : '0')
String named = filled(row['@@number@@']) ? row['@@number@@'] as String : orderId
String path = ''
Map question = [:]
if (asked == 'credit' && seen) {
    path = '/v1/customers/' + accountId + '/credit'
} else if (asked == 'check' && seen && filled(row['_id']) && countable) {
    path = '/v1/checks'
    question.put('connection', '@@connection@@')
    question.put('account', accountId)
    question.put('order', named)
    question.put('amount', total.setScale(digits, BigDecimal.ROUND_HALF_UP) as String)
    question.put('currency', currency)
    question.put('checkpoint', 'order_change')
} else if (asked == 'holds' && seen && filled(row['_id']) && simple(named)) {
    path = '/v1/holds?order=' + named
} else if (asked == 'ask' && seen && filled(row['_id']) && simple(hold as String) && filled(note)) {
    path = '/v1/holds/' + hold + '/ask'
    question.put('note', note as String)
    question.put('user', context.userId as String)
} else {
    log.info('CreditGate was not asked: no such account or order, or no amount')
}

Map result = ['status': 0, 'why': 'refused', 'body': null]
if (path != '') {
    def building = Request.builder()
        .method(question.isEmpty() ? 'GET' : 'POST')
        .url(service + path)
        .timeout(patience)
        .retryCount(0)
        .header('Content-Type', 'application/json')
        .header('Authorization', 'Bearer ' + key)
    def whole = question.isEmpty() ? building : building.body(StringBody.builder().content(question).build())
    def (Boolean failed, HttpResult answer, String message) = Fx.http.execute(whole.build())
    if (failed || answer == null) {
        String heard = message == null ? '' : message.toLowerCase()
        result.put('why', heard.contains('timed out') || heard.contains('timeout') ? 'slow' : 'down')
    } else {
        result = ['status': answer.statusCode, 'why': '', 'body': answer.content]
    }
} else {
    log.info('CreditGate ' + asked)
}
return result
