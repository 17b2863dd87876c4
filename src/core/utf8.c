/* utf8.c - the table of RFC 3629, section 4, as ranges of the next byte. */
#include "core/utf8.h"

bool
utf8_begin(struct utf8 *utf8, unsigned char byte)
{
    if (byte < 0xC2 || byte > 0xF4)
        return false;
    utf8->left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    utf8->min = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    utf8->max = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool
utf8_continue(struct utf8 *utf8, unsigned char byte)
{
    if (byte < utf8->min || byte > utf8->max)
        return false;
    utf8->left--;
    utf8->min = 0x80;
    utf8->max = 0xBF;
    return true;
}

size_t
utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)((0xF0U << (4 - len)) | code_point);
    return len;
}
