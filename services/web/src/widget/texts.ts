// Everything the widget says, in both languages.

const en = {
  launcher: "Chat with us",
  launcherUnread: "Chat with us, {n} unread",
  title: "Chat",
  subtitle: "We answer as soon as someone is free.",
  close: "Close chat",
  leave: "End conversation",
  you: "You",
  transcript: "Conversation",
  hello: "Hello! How can we help?",
  composer: "Your message",
  placeholder: "Write a message…",
  send: "Send",
  hint: "Enter sends, Shift+Enter makes a new line",
  connecting: "Connecting…",
  offline: "No connection. Messages you write are kept and sent when it is back.",
  refused: "This page is not allowed to show the chat. Please tell the owner of the site.",
  waiting: "You are in the queue. An agent will be with you shortly.",
  joined: "{name} joined the conversation",
  closed: "The conversation has ended. Write again to start a new one.",
  sending: "Sending…",
  sent: "Sent",
  tooLong: "Not sent: the message is too long.",
  notSent: "Not sent: the message cannot be accepted.",
  discard: "Remove",
  newMessage: "Message from {name}",
  opensNew: "(opens in a new tab)",
};

export type Texts = typeof en;

const zh: Texts = {
  launcher: "在线咨询",
  launcherUnread: "在线咨询，{n} 条未读消息",
  title: "在线咨询",
  subtitle: "客服空闲后会尽快回复您。",
  close: "关闭聊天窗口",
  leave: "结束对话",
  you: "您",
  transcript: "对话内容",
  hello: "您好！请问有什么可以帮您？",
  composer: "您的消息",
  placeholder: "请输入消息…",
  send: "发送",
  hint: "按 Enter 发送，Shift+Enter 换行",
  connecting: "正在连接…",
  offline: "连接已断开。您输入的消息会保留，恢复连接后自动发送。",
  refused: "此页面无权显示在线咨询，请联系网站管理员。",
  waiting: "您正在排队，客服很快会接待您。",
  joined: "{name} 已加入对话",
  closed: "对话已结束。再次发送消息即可开始新的对话。",
  sending: "发送中…",
  sent: "已发送",
  tooLong: "未发送：消息过长。",
  notSent: "未发送：消息无法被接受。",
  discard: "移除",
  newMessage: "{name} 的消息",
  opensNew: "（在新标签页中打开）",
};

export const CATALOGUES = { en, zh } as const;

/** The catalogue for a language tag such as `zh-Hans-CN`, and the tag to mark the page with. */
export function textsFor(language: string | null | undefined): { lang: "zh-CN" | "en"; texts: Texts } {
  return /^zh\b/iu.test(language ?? "") ? { lang: "zh-CN", texts: zh } : { lang: "en", texts: en };
}

/** Puts values into `{name}` places. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/gu, (place, name: string) => String(values[name] ?? place));
}
