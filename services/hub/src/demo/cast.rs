//! Who takes part in the demonstration and what they say. Everybody is invented.

/// The tenant's short name.
pub const TENANT: &str = "demo";
/// The account a person logs in with.
pub const PERSON: &str = "you";
/// The account that watches.
pub const SUPERVISOR: &str = "lin";
/// Customer service.
pub const HOTLINE: &str = "4000100100";
/// Orders.
pub const ORDERS: &str = "4000100200";
/// The person's own number.
pub const YOUR_NUMBER: &str = "4000100300";
/// The site of simulated visitors.
pub const SITE: &str = "harbour-tea";
/// The site of the page `chat.html`: its chats ring at the person's desk first.
pub const YOUR_SITE: &str = "harbour-tea-demo-shop";
/// The name of that site's access point. The page shows the access point whose id is the smallest, and this name's is.
pub const YOUR_SITE_NAME: &str = "your-shop";
/// The key that changes customers.
pub const OPERATIONS: &str = "operations";

/// How a simulated agent's phone is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneKind {
    /// It registers with user and password.
    Registers,
    /// It has a fixed address.
    Fixed,
    /// There is none: chats only.
    None,
}

/// A simulated agent.
#[derive(Clone, Copy, Debug)]
pub struct AgentRole {
    /// The login.
    pub name: &'static str,
    /// What customers see.
    pub display_name: &'static str,
    /// Skills as TOML.
    pub skills: &'static str,
    /// The phone.
    pub phone: PhoneKind,
}

/// The simulated agents.
pub const AGENTS: [AgentRole; 7] = [
    AgentRole {
        name: "anna",
        display_name: "Anna Weber",
        skills: "service = 8, webchat = 5, guide = 1",
        phone: PhoneKind::Registers,
    },
    AgentRole {
        name: "bowen",
        display_name: "李博文 Bowen",
        skills: "service = 6, sales = 3, outreach = 3",
        phone: PhoneKind::Fixed,
    },
    AgentRole {
        name: "chen",
        display_name: "陈静 Chen Jing",
        skills: "service = 5, sales = 8, webchat = 4",
        phone: PhoneKind::Registers,
    },
    AgentRole {
        name: "dawei",
        display_name: "王大伟 Dawei",
        skills: "sales = 5, outreach = 6, service = 2",
        phone: PhoneKind::Registers,
    },
    AgentRole {
        name: "elena",
        display_name: "Elena Rossi",
        skills: "webchat = 8, guide = 2",
        phone: PhoneKind::None,
    },
    AgentRole {
        name: "fang",
        display_name: "方敏 Fang Min",
        skills: "outreach = 8",
        phone: PhoneKind::Fixed,
    },
    AgentRole {
        name: "grace",
        display_name: "Grace Okoro",
        skills: "service = 7, webchat = 6, sales = 2, guide = 1",
        phone: PhoneKind::Registers,
    },
];

/// The person's skills as TOML: first for their own line, last for everybody's chats.
pub const PERSON_SKILLS: &str = "guide = 10, webchat = 1";

/// Names of customers the company knows.
pub const CUSTOMERS: [&str; 32] = [
    "李伟",
    "Maria Keller",
    "王芳",
    "James Osei",
    "张敏",
    "Sofia Lindqvist",
    "刘洋",
    "Peter Novak",
    "陈杰",
    "Amina Diallo",
    "杨丽",
    "Lucas Moreau",
    "黄强",
    "Hannah Schmidt",
    "周婷",
    "Diego Alvarez",
    "吴磊",
    "Ingrid Dahl",
    "徐静",
    "Tomasz Zielinski",
    "孙鹏",
    "Nora Haddad",
    "马超",
    "Emily Carter",
    "朱琳",
    "Kenji Sato",
    "胡军",
    "Olivia Brown",
    "郭明",
    "Marco Bianchi",
    "何雪",
    "Leila Karimi",
];

/// The telephone number of a known customer.
#[must_use]
pub fn number_of(customer: usize) -> String {
    format!("+86138001380{customer:02}")
}

/// What a department says.
#[derive(Clone, Copy, Debug)]
pub struct Matter {
    /// What for.
    pub purpose: &'static str,
    /// How firmly rules apply.
    pub class: &'static str,
    /// What the agent should say.
    pub talking_point: &'static str,
    /// The script.
    pub script: Option<&'static str>,
    /// What it is worth.
    pub value: u32,
}

/// A department and what it wants of customers.
#[derive(Clone, Copy, Debug)]
pub struct Department {
    /// Its name, and its key's.
    pub name: &'static str,
    /// What it says, one at a time.
    pub matters: &'static [Matter],
}

/// The purpose that needs consent.
pub const INVITATION: &str = "event_invitation";

/// The departments.
pub const DEPARTMENTS: [Department; 3] = [
    Department {
        name: "finance",
        matters: &[
            Matter {
                purpose: "payment_reminder",
                class: "service",
                talking_point: "Invoice 1042 (¥ 680) is two weeks overdue. 发票 1042（680 元）已逾期两周。",
                script: Some(
                    "Ask whether the invoice arrived. Offer to pay in two parts. 确认是否收到发票，可分两期付款。",
                ),
                value: 60,
            },
            Matter {
                purpose: "refund_notice",
                class: "mandatory",
                talking_point: "A refund of ¥ 120 was sent to the customer's account. 已退款 120 元。",
                script: None,
                value: 40,
            },
        ],
    },
    Department {
        name: "marketing",
        matters: &[Matter {
            purpose: INVITATION,
            class: "marketing",
            talking_point: "Invitation to the autumn tasting on Saturday at three. 邀请参加周六下午三点的秋茶品鉴会。",
            script: Some("Two seats are kept until Thursday. 预留两个座位，周四前有效。"),
            value: 30,
        }],
    },
    Department {
        name: "service",
        matters: &[
            Matter {
                purpose: "satisfaction_survey",
                class: "service",
                talking_point: "How was the last delivery, from one to five? 上次配送满意吗，一到五分？",
                script: None,
                value: 20,
            },
            Matter {
                purpose: "delivery_change",
                class: "service",
                talking_point: "The parcel comes on Friday instead of Thursday. 包裹改为周五送达。",
                script: Some("Ask whether Friday suits; else offer Monday. 周五不便可改周一。"),
                value: 50,
            },
        ],
    },
];

/// Conversations of chat visitors, line by line; each line waits for the agent's answer.
pub const CHATS: [&[&str]; 6] = [
    &[
        "Hello, where is my parcel?",
        "The number is HT-20418.",
        "Great, thank you!",
    ],
    &[
        "你好，铁观音还有货吗？",
        "我要两罐，明天能发货吗？",
        "好的，谢谢！",
    ],
    &[
        "Can I change the delivery address?",
        "To 12 Harbour Road, please.",
        "Perfect.",
    ],
    &["龙井和碧螺春哪个更清淡？", "那我买龙井，谢谢。"],
    &[
        "My coupon SPRING does not work.",
        "It says it ran out yesterday.",
        "Oh nice, that one works. Thanks!",
    ],
    &[
        "请问怎么开发票？",
        "抬头是海港贸易有限公司。",
        "收到，谢谢。",
    ],
];

/// What agents answer in a chat.
pub const REPLIES: [&str; 8] = [
    "Let me look that up for you.",
    "好的，我马上为您查询。",
    "Thank you. I see it here: all is in order.",
    "已经为您处理好了。",
    "I have noted that down.",
    "没问题，今天就可以安排。",
    "Yes, that works. Anything else?",
    "还有什么可以帮您的吗？",
];

/// How agents greet in a chat.
pub const GREETINGS: [&str; 3] = [
    "Hello! How can I help?",
    "您好，请问有什么可以帮您？",
    "Hi there, I am happy to help.",
];

#[cfg(test)]
mod tests {
    use rapport_domain::id::{AccessPointId, TenantId};

    use super::*;

    #[test]
    fn the_demo_page_shows_the_persons_own_site() {
        let id = |name: &str| AccessPointId::named(TenantId::named(TENANT), name);
        assert!(id(YOUR_SITE_NAME) < id("website"));
    }
}
