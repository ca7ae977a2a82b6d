/**
 * 信用拜访 → 外勤计划：新建信用拜访后，为负责人生成一条高级外勤计划。
 * For tenants that want a native check-in plan: makes one for the owner of a new credit visit.
 *
 * @codeName  credit_visit_plan
 * @namespace 流程 (flow)
 * @returntype void
 * @object    @@visit@@
 *
 * 绑定：在对象“信用拜访”上新建工作流，触发条件“新建”，后动作执行本函数；
 * 连接设置 task_workflow=on，否则 CreditGate 的写入不触发工作流。
 * Bind it to a workflow of the object on create; set task_workflow=on on the connection.
 *
 * 字段 @@plan@@（单行文本）保存外勤ID：已有外勤ID的拜访不会再次生成。
 * The text field @@plan@@ keeps the plan's id, so that running it again makes no second plan.
 */

// 普通外勤；高级外勤类型的ID需在网页端查看后替换。 The plain type; put the id of another one here.
String checkType = '@@check_type@@'

def filled = { value -> value != null && value != '' }

String visitId = context.data['_id'] as String
def (Boolean failed, Map found, String why) = Fx.object.findById('@@visit@@', visitId)
Map visit = failed || found == null ? [:] : found
List responsible = filled(visit['owner']) ? visit['owner'] as List : []
String accountId = visit['@@visit_account@@'] as String
Boolean wanted = !visit.isEmpty() && !filled(visit['@@plan@@'])

if (wanted && filled(accountId) && !responsible.isEmpty()) {
    def (Boolean missing, Map account, String reason) = Fx.object.findById('AccountObj', accountId)
    if (missing || account == null) {
        log.info('account ' + accountId + ' cannot be read: ' + reason)
    } else {
        Map place = [:]
        place.put('dataId', accountId)
        place.put('apiName', 'AccountObj')
        place.put('objName', '客户')
        place.put('name', account['name'] as String)
        place.put('remark', visit['name'] as String)
        place.put('info', filled(account['location']) ? account['location'] as String : '')

        Map plan = [:]
        plan.put('userId', responsible[0] as String)
        plan.put('executorId', responsible[0] as String)
        plan.put('checkTypeId', checkType)
        plan.put('planTime', visit['@@due_on@@'])
        plan.put('mainObjList', [place])
        // 把信用任务编号带到外勤数据上，供 CreditGate 读取拜访结果；“高级外勤”上需先新建同名字段。
        // Carries our key to the check-in, by which CreditGate reads what became of it: a field of this name.
        plan.put('extFields', ['@@key_field@@': visit['@@key_field@@']])

        def (Boolean refused, Map made, String message) = Fx.checkins.createPlan(plan)
        if (refused || made == null) {
            log.info('no check-in plan for credit visit ' + visitId + ': ' + message)
        } else {
            Fx.object.update('@@visit@@', visitId, ['@@plan@@': made['checkinId'] as String])
        }
    }
} else {
    log.info('no check-in plan for credit visit ' + visitId + (wanted ? ': no owner or no account' : '') + (failed ? why : ''))
}
