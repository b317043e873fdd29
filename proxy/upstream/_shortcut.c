/* The short way of a usual token, compiled: see shortcut.py, whose PlainShortcut does the same and
 * says what each part is. Only the stable ABI is used: one build serves every Python from 3.11 on.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <structmember.h>
#include <string.h>

#define CHUNK_LIMIT 4096
#define KEPT_LIMIT_BYTES (4 * 1024 * 1024)
#define DIGITS_MAX (2 * sizeof(Py_ssize_t))

typedef struct {
    PyObject_HEAD
    PyObject *now, *kept, *sound, *write;
    PyObject *said_before, *said_after; /* of the provider's */
    PyObject *told_before, *told_after; /* of the client's */
    double heard_s, longest_s;
    Py_ssize_t kept_bytes;
    char is_short;
} Shortcut;

static PyObject *other_name; /* "_other" */

/* The bytes of an attribute, or NULL without an exception: then the short way is not taken. */
static const char *bytes_of(PyObject *value, Py_ssize_t *size) {
    *size = 0;
    if (value == NULL || !PyBytes_Check(value)) return NULL;
    *size = PyBytes_Size(value);
    return PyBytes_AsString(value);
}

/* The line that a chunk of so many bytes begins with; how long it is. */
static Py_ssize_t size_line(Py_ssize_t size, char *line) {
    char digits[DIGITS_MAX];
    Py_ssize_t many = 0, at = 0;
    for (; size > 0; size >>= 4) digits[many++] = "0123456789abcdef"[size & 15];
    while (many > 0) line[at++] = digits[--many];
    line[at++] = '\r';
    line[at++] = '\n';
    return at;
}

/* How many bytes of framing a whole chunk begins with; 0 where this is no such chunk. */
static Py_ssize_t head_of(const char *data, Py_ssize_t size) {
    char line[DIGITS_MAX + 2];
    for (Py_ssize_t digits = 1; digits < 4; digits++) {
        const Py_ssize_t left = size - digits - 4;
        if (left <= 0) return 0;
        if (size_line(left, line) == digits + 2)
            return memcmp(data, line, (size_t)digits + 2) ? 0 : digits + 2;
    }
    return 0;
}

/* A token came: what the clock says of it. -1 with an exception set. */
static int hear(Shortcut *self) {
    PyObject *now = PyObject_CallNoArgs(self->now);
    if (now == NULL) return -1;
    const double seconds = PyFloat_AsDouble(now);
    Py_DECREF(now);
    if (seconds == -1.0 && PyErr_Occurred()) return -1;
    if (seconds - self->heard_s > self->longest_s) self->longest_s = seconds - self->heard_s;
    self->heard_s = seconds;
    return 0;
}

/* A chunk of the client's own around the word; size: of what it holds. */
static PyObject *tell(const char *before, Py_ssize_t before_size, const char *word,
                      Py_ssize_t word_size, const char *after, Py_ssize_t after_size,
                      Py_ssize_t size) {
    char line[DIGITS_MAX + 2];
    const Py_ssize_t line_size = size_line(size, line);
    PyObject *told = PyBytes_FromStringAndSize(NULL, line_size + size + 2);
    if (told == NULL) return NULL;
    char *to = PyBytes_AsString(told);
    memcpy(to, line, (size_t)line_size);
    to += line_size;
    memcpy(to, before, (size_t)before_size);
    to += before_size;
    memcpy(to, word, (size_t)word_size);
    to += word_size;
    memcpy(to, after, (size_t)after_size);
    return told;
}

/* 1 where the token took the short way, 0 where it must not, -1 with an exception set. */
static int pass(Shortcut *self, PyObject *data) {
    Py_ssize_t size, before_size, after_size, told_before_size, told_after_size;
    const char *raw = bytes_of(data, &size);
    const char *before = bytes_of(self->said_before, &before_size);
    const char *after = bytes_of(self->said_after, &after_size);
    if (raw == NULL || before == NULL || after == NULL || size >= CHUNK_LIMIT) return 0;
    const Py_ssize_t head = head_of(raw, size), word_size = size - head - before_size - after_size;
    if (head == 0 || word_size < 0) return 0;
    const char *word = raw + head + before_size;
    if (memcmp(raw + head, before, (size_t)before_size) ||
        memcmp(word + word_size, after, (size_t)after_size))
        return 0;
    const int translates = self->sound != NULL && self->sound != Py_None;
    const char *told_before = bytes_of(self->told_before, &told_before_size);
    const char *told_after = bytes_of(self->told_after, &told_after_size);
    if (translates ? told_before_size == 0 || told_after_size < 2
                   : memchr(word, '\n', (size_t)word_size) != NULL)
        return 0;
    if (self->write == NULL || self->kept == NULL || self->now == NULL) return 0;

    PyObject *said = PyBytes_FromStringAndSize(word, word_size), *told;
    if (said == NULL) return -1;
    if (translates) {
        const int known = PySet_Contains(self->sound, said);
        if (known <= 0) {
            Py_DECREF(said);
            return known;
        }
        size = told_before_size + word_size + told_after_size - 2;
        told = tell(told_before, told_before_size, word, word_size, told_after, told_after_size,
                    size);
    } else {
        told = data;
        Py_INCREF(told);
    }
    int done = told == NULL ? -1 : hear(self);
    self->kept_bytes += size;
    if (done == 0 && self->kept_bytes <= KEPT_LIMIT_BYTES) done = PyList_Append(self->kept, said);
    Py_DECREF(said);
    if (done == 0) {
        PyObject *write = self->write; /* what it calls may put another in its place */
        Py_INCREF(write);
        PyObject *written = PyObject_CallFunctionObjArgs(write, told, NULL);
        Py_DECREF(write);
        done = written == NULL ? -1 : 1;
        Py_XDECREF(written);
    }
    Py_XDECREF(told);
    return done;
}

static PyObject *data_received(PyObject *me, PyObject *data) {
    Shortcut *self = (Shortcut *)me;
    if (self->is_short) {
        const int done = pass(self, data);
        if (done < 0) return NULL;
        if (done) Py_RETURN_NONE;
    }
    return PyObject_CallMethodObjArgs(me, other_name, data, NULL);
}

static PyObject *heard(PyObject *me, PyObject *nothing) {
    (void)nothing;
    if (((Shortcut *)me)->now == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_now");
        return NULL;
    }
    if (hear((Shortcut *)me) < 0) return NULL;
    Py_RETURN_NONE;
}

/* ---- the object ---------------------------------------------------------------------------- */

static int traverse(PyObject *me, visitproc visit, void *arg) {
    Shortcut *self = (Shortcut *)me;
    Py_VISIT(Py_TYPE(me));
    Py_VISIT(self->now);
    Py_VISIT(self->kept);
    Py_VISIT(self->sound);
    Py_VISIT(self->write);
    Py_VISIT(self->said_before);
    Py_VISIT(self->said_after);
    Py_VISIT(self->told_before);
    Py_VISIT(self->told_after);
    return 0;
}

static int clear(PyObject *me) {
    Shortcut *self = (Shortcut *)me;
    Py_CLEAR(self->now);
    Py_CLEAR(self->kept);
    Py_CLEAR(self->sound);
    Py_CLEAR(self->write);
    Py_CLEAR(self->said_before);
    Py_CLEAR(self->said_after);
    Py_CLEAR(self->told_before);
    Py_CLEAR(self->told_after);
    return 0;
}

static void dealloc(PyObject *me) {
    PyTypeObject *type = Py_TYPE(me);
    PyObject_GC_UnTrack(me);
    clear(me);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(me);
    Py_DECREF(type);
}

#define FIELD(name, kind, field) {name, kind, offsetof(Shortcut, field), 0, NULL}

static PyMemberDef members[] = {
    FIELD("_now", T_OBJECT_EX, now),
    FIELD("_kept", T_OBJECT_EX, kept),
    FIELD("_kept_bytes", T_PYSSIZET, kept_bytes),
    FIELD("_write", T_OBJECT, write),
    FIELD("_short", T_BOOL, is_short),
    FIELD("_sound", T_OBJECT, sound),
    FIELD("_said_before", T_OBJECT_EX, said_before),
    FIELD("_said_after", T_OBJECT_EX, said_after),
    FIELD("_told_before", T_OBJECT_EX, told_before),
    FIELD("_told_after", T_OBJECT_EX, told_after),
    FIELD("heard_s", T_DOUBLE, heard_s),
    FIELD("longest_s", T_DOUBLE, longest_s),
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef methods[] = {
    {"data_received", data_received, METH_O, NULL},
    {"_heard", heard, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_traverse, traverse}, {Py_tp_clear, clear},
    {Py_tp_members, members}, {Py_tp_methods, methods},   {0, NULL},
};

static PyType_Spec spec = {
    .name = "proxy.upstream._shortcut.Shortcut",
    .basicsize = sizeof(Shortcut),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static int fill(PyObject *module) {
    if (other_name == NULL) other_name = PyUnicode_InternFromString("_other");
    PyObject *type = other_name ? PyType_FromModuleAndSpec(module, &spec, NULL) : NULL;
    if (type == NULL) return -1;
    const int done = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return done;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "proxy.upstream._shortcut",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__shortcut(void) { return PyModuleDef_Init(&module); }
