/*
 * What the platform does not compile (vendor manual: syntax and limits of functions).
 *
 * Invariant: the narrower reading where sources differ: no try and no throw, and every if has its else.
 */
import org.codehaus.groovy.ast.ClassCodeVisitorSupport
import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.ast.expr.ClassExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.ConstructorCallExpression
import org.codehaus.groovy.ast.expr.DeclarationExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.stmt.DoWhileStatement
import org.codehaus.groovy.ast.stmt.EmptyStatement
import org.codehaus.groovy.ast.stmt.ForStatement
import org.codehaus.groovy.ast.stmt.IfStatement
import org.codehaus.groovy.ast.stmt.ThrowStatement
import org.codehaus.groovy.ast.stmt.TryCatchStatement
import org.codehaus.groovy.ast.stmt.WhileStatement
import org.codehaus.groovy.classgen.GeneratorContext
import org.codehaus.groovy.control.CompilePhase
import org.codehaus.groovy.control.SourceUnit
import org.codehaus.groovy.control.customizers.CompilationCustomizer

class Grammar extends CompilationCustomizer {
    Grammar() { super(CompilePhase.SEMANTIC_ANALYSIS) }

    void call(SourceUnit source, GeneratorContext context, ClassNode type) {
        if (!source.AST.imports.isEmpty() || !source.AST.starImports.isEmpty()) {
            throw new IllegalArgumentException('not on this platform: import')
        }
        if (source.AST.classes.size() > 1 || !source.AST.methods.isEmpty()) {
            throw new IllegalArgumentException('not on this platform: class and method definitions')
        }
        // Only what is written in the function: the class around it is the compiler's own.
        type.getDeclaredMethods('run')*.code*.visit(new Forbidden(source: source))
    }
}

class Forbidden extends ClassCodeVisitorSupport {
    static final Set CALLS = ['println', 'print', 'printf', 'sleep', 'evaluate', 'getClass', 'invokeMethod', 'run']
    static final Set NAMES = ['owner', 'this', 'delegate']
    static final Set TYPES = [
        'Fx', 'BigDecimal', 'Request', 'StringBody', 'ValidateResult', 'DateTime',
        'Map', 'List', 'String', 'Boolean', 'Integer',
    ]
    SourceUnit source

    protected SourceUnit getSourceUnit() { source }

    void visitForLoop(ForStatement loop) { refuse('for', loop) }

    void visitWhileLoop(WhileStatement loop) { refuse('while', loop) }

    void visitDoWhileLoop(DoWhileStatement loop) { refuse('do', loop) }

    void visitTryCatchFinally(TryCatchStatement attempt) { refuse('try', attempt) }

    void visitThrowStatement(ThrowStatement thrown) { refuse('throw', thrown) }

    void visitConstructorCallExpression(ConstructorCallExpression call) { refuse('new', call) }

    void visitIfElse(IfStatement choice) {
        if (choice.elseBlock instanceof EmptyStatement) {
            refuse('if without else', choice)
        }
        super.visitIfElse(choice)
    }

    void visitMethodCallExpression(MethodCallExpression call) {
        if (call.methodAsString in CALLS) {
            refuse(call.methodAsString, call)
        }
        super.visitMethodCallExpression(call)
    }

    void visitClassExpression(ClassExpression named) {
        if (!(named.type.nameWithoutPackage in TYPES)) {
            refuse(named.type.name, named)
        }
    }

    void visitDeclarationExpression(DeclarationExpression declared) {
        if (!declared.multipleAssignmentDeclaration && declared.variableExpression.name in NAMES) {
            refuse(declared.variableExpression.name, declared)
        }
        super.visitDeclarationExpression(declared)
    }

    void visitClosureExpression(ClosureExpression closure) {
        def named = (closure.parameters ?: []).find { it.name in NAMES }
        if (named) {
            refuse(named.name, closure)
        }
        super.visitClosureExpression(closure)
    }

    private static void refuse(String what, node) {
        throw new IllegalArgumentException("not on this platform: ${what} (line ${node.lineNumber})")
    }
}
