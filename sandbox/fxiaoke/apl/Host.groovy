/*
 * Compiles and runs functions for the sandbox, one after the other, over lines of JSON.
 *
 * In:  {"do": "compile", "name", "text"} or {"do": "run", "name", "context", "arguments", "seconds"}.
 * Out: {"done": ..., "log": [...]} or {"failed": "...", "log": [...]}; before that, any number of
 *      {"ask": name, "arguments": [...]}, each answered by one line {"answer": ...}.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import org.codehaus.groovy.control.CompilerConfiguration

class Functions {
    GroovyClassLoader vendor
    Class grammar
    Map<String, Class> compiled = [:]

    void compile(String name, String text) {
        def configuration = new CompilerConfiguration()
        configuration.addCompilationCustomizers(grammar.newInstance())
        compiled[name] = new GroovyClassLoader(vendor, configuration).parseClass(text, "${name}.groovy")
    }

    Object run(String name, Map names) {
        def script = (Script) compiled[name].newInstance()
        script.binding = new Binding(names)
        script.run()
    }
}

def input = new BufferedReader(new InputStreamReader(System.in, 'UTF-8'))
def output = new PrintStream(new FileOutputStream(FileDescriptor.out), true, 'UTF-8')
def slurper = new JsonSlurper()
// Whatever a function or a library prints must not get between the lines of JSON.
System.out = System.err

def here = new File(args[0])
def vendor = new GroovyClassLoader(this.class.classLoader)
vendor.parseClass(new File(here, 'Vendor.groovy'))
vendor.parseClass(new File(here, 'Grammar.groovy'))
def grammar = vendor.loadClass('Grammar')
def functions = new Functions(vendor: vendor, grammar: grammar)
// The vendor's own number type has this maker (vendor manual: BigDecimal).
BigDecimal.metaClass.static.of = { value -> new BigDecimal(String.valueOf(value)) }

def Fx = vendor.loadClass('Fx')
Fx.tenant = { String name, List arguments ->
    output.println(JsonOutput.toJson([ask: name, arguments: arguments]))
    slurper.parseText(input.readLine()).answer
}
def pool = Executors.newCachedThreadPool({ work -> def t = new Thread(work); t.daemon = true; t })

def plain = { result ->
    result?.getClass()?.name == 'ValidateResult' ?
        [success: result.success, errorMessage: result.errorMessage] : result
}
// The compiler tells a fault with the way it took there; people want the first lines of it.
def told = { Throwable fault ->
    def lines = String.valueOf(fault.message ?: fault).readLines()
    (lines.find { it.contains('not on this platform') } ?: lines.take(3).join(' ')) as String
}
String line
while ((line = input.readLine()) != null) {
    def order = slurper.parseText(line)
    def log = vendor.loadClass('Log').newInstance()
    try {
        if (order.do == 'compile') {
            functions.compile(order.name, order.text)
            output.println(JsonOutput.toJson([done: true, log: []]))
            continue
        }
        def known = vendor.loadClass('Context').newInstance(order.context)
        def names = [context: known, log: log] + (order.arguments ?: [:])
        def result = pool.submit({ functions.run(order.name, names) } as java.util.concurrent.Callable)
            .get(order.seconds as long, TimeUnit.SECONDS)
        output.println(JsonOutput.toJson([done: plain(result), log: log.lines]))
    } catch (TimeoutException late) {
        output.println(JsonOutput.toJson([failed: 'the function ran out of time', log: log.lines]))
    } catch (ExecutionException thrown) {
        output.println(JsonOutput.toJson([failed: told(thrown.cause), log: log.lines]))
    } catch (Throwable fault) {
        output.println(JsonOutput.toJson([failed: told(fault), log: log.lines]))
    }
}
