/**
 * 数据变更 → CreditGate：告知哪一条数据变了，不含任何字段值。
 * Tells CreditGate which row changed; no value of it is sent.
 *
 * @codeName  credit_event
 * @namespace 流程 (flow)
 * @returntype void
 * @object    每个被读取的对象 (each object that is read)
 *
 * 绑定：在客户、销售订单等对象上新建工作流，触发条件“新建、编辑、作废”，后动作执行本函数。
 * Bind it to workflows on create, edit and void of each object that is read.
 *
 * 请求头 X-Credit-Timestamp、X-Credit-Signature：
 * 十六进制 HMAC-SHA256(secret, timestamp + "." + body)。
 */

// 与连接设置 hook_secret 相同的密钥，安装时填写。 The same text as in the setting hook_secret.
String address = '@@address@@'
String secret = '@@secret@@'

Map told = [:]
told.put('event', 'update')
told.put('apiName', context.data['object_describe_api_name'] as String)
told.put('dataId', context.data['_id'] as String)
String body = Fx.json.toJson(told)

String timestamp = DateTime.now().toTimestamp() as String
byte[] digest = Fx.crypto.hmac.encrypt('HmacSHA256', secret, timestamp + '.' + body)
// 发送的正文必须与签名的文本完全一致，因此作为文本发送。 What is sent is the very text that was signed.
Request request = Request.builder()
    .method('POST')
    .url(address)
    .timeout(3000)
    .retryCount(0)
    .header('Content-Type', 'application/json')
    .header('X-Credit-Timestamp', timestamp)
    .header('X-Credit-Signature', Fx.crypto.hex.encode(digest) as String)
    .body(StringBody.builder().content(body).build())
    .build()

def (Boolean failed, HttpResult answer, String message) = Fx.http.execute(request)
// 没有送达的变更由下一次拉取补上。 The next pull finds what was not told.
Boolean arrived = !failed && answer != null && answer.statusCode < 300
log.info('CreditGate was ' + (arrived ? '' : 'not ') + 'told of ' + told['dataId'] + ' ' + message)
