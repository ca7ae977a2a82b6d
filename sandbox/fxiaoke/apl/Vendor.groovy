/*
 * What a function finds on the vendor's platform (vendor manual: APL, API and data types).
 *
 * Invariant: strict. Only what the manual names is here; anything else fails as an unknown method or
 * property does. What belongs to the tenant is asked of the sandbox through Fx.tenant.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec

class Fx {
    /** Set for each run: asks the sandbox what only the tenant knows, (name, arguments) -> answer. */
    static Closure tenant
    static final HttpApi http = new HttpApi()
    static final ObjectApi object = new ObjectApi()
    static final CheckinsApi checkins = new CheckinsApi()
    static final JsonApi json = new JsonApi()
    static final CryptoApi crypto = new CryptoApi()
}

/** Answers are triples: whether it failed, what came of it, and why it failed. */
class ObjectApi {
    List findById(String object, String id) { Fx.tenant('object.findById', [object, id]) }

    List update(String object, String id, Map values) { Fx.tenant('object.update', [object, id, values]) }
}

class CheckinsApi {
    static final List NEEDED = ['executorId', 'planTime', 'checkTypeId', 'userId']
    static final List KNOWN = NEEDED + ['mainObjList', 'assistantIds', 'referenceObject', 'extFields']

    List createPlan(Map plan) {
        List unknown = plan.keySet().findAll { !(it in KNOWN) } as List
        List missing = NEEDED.findAll { plan[it] == null }
        if (unknown || missing) {
            return [true, null, "unknown: ${unknown}, missing: ${missing}".toString()]
        }
        Fx.tenant('checkins.createPlan', [plan])
    }
}

class JsonApi {
    String toJson(Object data) { JsonOutput.toJson(data) }

    Map parse(String text) { new JsonSlurper().parseText(text) as Map }
}

class CryptoApi {
    final HmacApi hmac = new HmacApi()
    final HexApi hex = new HexApi()
}

class HmacApi {
    byte[] encrypt(String algorithm, String secret, String text) {
        Mac mac = Mac.getInstance(algorithm)
        mac.init(new SecretKeySpec(secret.getBytes('UTF-8'), algorithm))
        mac.doFinal(text.getBytes('UTF-8'))
    }
}

class HexApi {
    String encode(byte[] digest) { digest.encodeHex().toString() }
}

/** Connecting takes 2 s at the most and is tried again; a read that takes too long is not. */
class HttpApi {
    static final int CONNECT_MS = 2000
    static final int LONGEST_MS = 120000

    List execute(Request request) {
        String fault = 'no connection'
        int tries = 1 + Math.min(3, request.retryCount == null ? 3 : request.retryCount)
        while (tries-- > 0) {
            try {
                return [false, sent(request), '']
            } catch (ConnectException refused) {
                fault = refused.message
            } catch (IOException broken) {
                return [true, null, broken.message ?: broken.class.simpleName]
            }
        }
        [true, null, fault]
    }

    private HttpResult sent(Request request) {
        def connection = (HttpURLConnection) new URL(request.url).openConnection(Proxy.NO_PROXY)
        connection.connectTimeout = CONNECT_MS
        connection.readTimeout = Math.min(request.timeout ?: 5000, LONGEST_MS)
        connection.requestMethod = request.method
        request.headers.each { name, value -> connection.setRequestProperty(name, value) }
        if (request.body != null) {
            connection.doOutput = true
            connection.outputStream.withStream { it.write(request.body.bytes()) }
        }
        int status = connection.responseCode
        def stream = status >= 400 ? connection.errorStream : connection.inputStream
        byte[] content = stream == null ? new byte[0] : stream.bytes
        new HttpResult(statusCode: status, bytes: content, content: read(connection, content))
    }

    /** JSON becomes an object if it says that it is JSON and is; everything else stays a text. */
    private Object read(HttpURLConnection connection, byte[] content) {
        String text = new String(content, 'UTF-8')
        if (!(connection.contentType ?: '').contains('json')) {
            return text
        }
        try {
            return new JsonSlurper().parseText(text)
        } catch (groovy.json.JsonException | IllegalArgumentException unreadable) {
            return text
        }
    }
}

class HttpResult {
    int statusCode
    Object content
    byte[] bytes
}

class StringBody {
    Object content

    static StringBodyBuilder builder() { new StringBodyBuilder() }

    byte[] bytes() { (content instanceof String ? content : JsonOutput.toJson(content)).getBytes('UTF-8') }
}

class StringBodyBuilder {
    private Object text

    StringBodyBuilder content(Object content) { text = content; this }

    StringBody build() { new StringBody(content: text) }
}

class Request {
    String method
    String url
    Integer timeout
    Integer retryCount
    StringBody body
    Map<String, String> headers = [:]

    static RequestBuilder builder() { new RequestBuilder() }
}

class RequestBuilder {
    private final Request made = new Request()

    RequestBuilder method(String method) { made.method = method; this }

    RequestBuilder url(String url) { made.url = url; this }

    RequestBuilder timeout(Integer ms) { made.timeout = ms; this }

    RequestBuilder retryCount(Integer count) { made.retryCount = count; this }

    RequestBuilder header(String name, String value) { made.headers[name] = value; this }

    RequestBuilder body(StringBody body) { made.body = body; this }

    Request build() {
        if (!made.method || !made.url) {
            throw new IllegalArgumentException('a request needs a method and a url')
        }
        made
    }
}

/** What a function of the namespace 校验函数 returns. */
class ValidateResult {
    Boolean success
    String errorMessage

    static ValidateResult build(@DelegatesTo(ValidateResult) Closure filling) {
        def made = new ValidateResult()
        filling.delegate = made
        filling.resolveStrategy = Closure.DELEGATE_FIRST
        filling()
        made
    }
}

class DateTime {
    private long ms

    static DateTime now() { new DateTime(ms: System.currentTimeMillis()) }

    long toTimestamp() { ms }
}

/** One run's log, which the sandbox shows. */
class Log {
    final List lines = []

    void info(Object text) { lines << String.valueOf(text) }

    void warn(Object text) { lines << String.valueOf(text) }

    void error(Object text) { lines << String.valueOf(text) }
}

/** What a function knows of the act that runs it; which of it there is depends on the namespace. */
class Context {
    private final Map known

    Context(Map known) { this.known = known }

    Object getProperty(String name) {
        if (!known.containsKey(name)) {
            throw new MissingPropertyException(name, Context)
        }
        known[name]
    }
}
