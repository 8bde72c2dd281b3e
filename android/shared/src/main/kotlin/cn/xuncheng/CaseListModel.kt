package cn.xuncheng

import cn.xuncheng.ffi.CaseQuery
import cn.xuncheng.ffi.CaseSummary
import cn.xuncheng.ffi.Cursor
import cn.xuncheng.ffi.FieldException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** What a list of cases shows. */
data class CaseListState(
    /** What it was asked for. */
    val query: CaseQuery = CaseQuery(),
    /** Newest first. */
    val cases: List<CaseSummary> = emptyList(),
    /** Where the next page begins; none when all are shown. */
    val next: Cursor? = null,
    /** Whether the first page is on its way. */
    val loading: Boolean = true,
    /** Whether a conversation with the office is under way. */
    val syncing: Boolean = false,
    /** What a screen has to say; the list stays as it was. */
    val problem: FieldException? = null,
)

/** A list of cases without a screen: intents in, states out. It follows the store, whoever changes it. */
class CaseListModel(private val repository: CaseRepository, private val scope: CoroutineScope) {
    private val current = MutableStateFlow(CaseListState())
    private var reading: Job? = null
    private var syncing: Job? = null

    /** What a screen draws. */
    val state: StateFlow<CaseListState> = current.asStateFlow()

    init {
        scope.launch { repository.changes.collect { read() } }
    }

    /** Shows what [query] finds, from the top. */
    fun show(query: CaseQuery) {
        current.update { CaseListState(query = query, syncing = it.syncing) }
        read()
    }

    /** Shows one page more. */
    fun more() {
        val after = current.value.next ?: return
        if (reading?.isActive == true) return
        reading = launchTold {
            val page = repository.cases(current.value.query, after)
            current.update { it.copy(cases = it.cases + page.cases, next = page.next, problem = null) }
        }
    }

    /** Talks with the office now. */
    fun sync() {
        if (syncing?.isActive == true) return
        current.update { it.copy(syncing = true, problem = null) }
        syncing = launchTold {
            try {
                repository.sync()
            } finally {
                current.update { it.copy(syncing = false) }
            }
        }
    }

    /** The person has read what was said. */
    fun dismiss() = current.update { it.copy(problem = null) }

    /** Reads again as many cases as are shown, and at least a page. */
    private fun read() {
        reading?.cancel()
        reading = launchTold {
            val query = current.value.query
            val shown = current.value.cases.size
            var page = repository.cases(query)
            val cases = page.cases.toMutableList()
            while (cases.size < shown) {
                page = repository.cases(query, page.next ?: break)
                cases += page.cases
            }
            current.update { it.copy(cases = cases, next = page.next, loading = false) }
        }
    }

    private fun launchTold(work: suspend () -> Unit) = scope.launch {
        try {
            work()
        } catch (problem: FieldException) {
            current.update { it.copy(problem = problem, loading = false) }
        }
    }
}
